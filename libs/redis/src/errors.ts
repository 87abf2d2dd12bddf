/** A key of ours holds a value of a type that is not ours: another program shares the prefix. */
export class WrongTypeError extends Error {
  readonly code = 'WRONG_TYPE';
  override readonly name = 'WrongTypeError';

  constructor(
    readonly key: string,
    readonly found: string,
    readonly expected: string,
  ) {
    super(
      `the key "${key}" holds a ${found} where Questlog keeps a ${expected}: does another program use the same KEY_PREFIX? ${remedyOf(key)}`,
    );
  }
}

/** A generation of a projection can be made again from the log; the keys of no generation cannot. */
function remedyOf(key: string): string {
  return key.includes('@')
    ? 'Rebuild the projection (npm run rebuild), which writes the key anew from the log; then retry the dead letter'
    : 'Restore the key from a backup, or delete it';
}

/** A write is in the log, but not enough replicas have it: it would be lost if its server died now. */
export class UnconfirmedError extends Error {
  readonly code = 'UNCONFIRMED';
  override readonly name = 'UnconfirmedError';
  readonly isTemporary = true;

  constructor(reached: number, wanted: number) {
    super(`${reached} of ${wanted} replicas have confirmed it in time`);
  }
}

/** No node of the cluster is known to have a slot: its master is away, and has no successor yet. */
export class NoMasterError extends Error {
  readonly code = 'NO_MASTER';
  override readonly name = 'NoMasterError';
  readonly isTemporary = true;

  constructor(slot: number) {
    super(`no node has slot ${slot} now`);
  }
}

/** By the code with which a script's error reply begins: makes the typed error, from the rest of the reply. */
const scriptErrors = new Map<string, (detail: string) => Error>([['WRONG_TYPE', wrongType]]);

/** @param detail `<found> <expected> <key>`; the key can hold blanks */
function wrongType(detail: string): WrongTypeError {
  const [, found = '', expected = '', key = ''] = /^(\S+) (\S+) (.*)$/s.exec(detail) ?? [];
  return new WrongTypeError(key, found, expected);
}

/** Each library maps the codes that its own scripts reply with. */
export function defineScriptErrors(errors: Readonly<Record<string, (detail: string) => Error>>): void {
  for (const [code, create] of Object.entries(errors)) scriptErrors.set(code, create);
}

/** The errors that scripts reply with. Other errors pass unchanged. */
export function scriptError(error: unknown): unknown {
  return error instanceof Error ? (codedError(error.message) ?? error) : error;
}

/** @returns undefined for a text that does not begin with a code that a library has defined */
export function codedError(text: string): Error | undefined {
  const [code = ''] = text.split(' ', 1);
  return scriptErrors.get(code)?.(text.slice(code.length + 1));
}

const AWAY = new Set([
  // The connection, as ioredis and Node name it.
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  // What a server answers that is there but cannot serve now.
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'UNBLOCKED',
  'NOREPLICAS',
  'MISCONF',
  'OOM',
  // A password or a permission that was changed: an operator sets it right, and no event is to blame.
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
]);
const AWAY_MESSAGES = [
  // As NOPERM, of a command within a script.
  "ERR The user executing the script can't",
  'Connection is closed',
  'Command aborted due to connection close',
  'Command timed out',
  "Stream isn't writeable",
  'Socket timeout',
  // What ioredis says of a cluster, and of Sentinels.
  "Cluster isn't ready",
  'Cluster is ended',
  'None of startup nodes is available',
  'Too many Cluster redirections',
  'All keys in the pipeline should belong to the same slots allocation group',
  'All sentinels are unreachable',
];

/** Whether the user may not do this: for who tries whether they may, that is an answer. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM');
}

/** What a user may not ask for, or a provider has taken away, is not there. */
export async function unlessForbidden(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (isForbidden(error) || (error instanceof Error && /^ERR unknown command/i.test(error.message)))
      return [];
    throw error;
  }
}

/** Whether an error means "Redis cannot serve now" rather than "this call was wrong". Trying later can help. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, message, code, isTemporary } = error as Error & { code?: string; isTemporary?: boolean };
  return (
    isTemporary === true ||
    AWAY.has(name) ||
    AWAY.has(code ?? '') ||
    AWAY.has(message.split(' ', 1)[0] ?? '') ||
    AWAY_MESSAGES.some(text => message.startsWith(text))
  );
}
