/** The expected version is not the head: somebody else wrote in between. */
export class VersionConflictError extends Error {
  readonly code = 'VERSION_CONFLICT';
  override readonly name = 'VersionConflictError';

  /** @param head the version that is there; 0 when there is none */
  constructor(readonly head: number) {
    super(head === 0 ? 'there is no version yet' : `the current version is ${head}`);
  }
}

/** An idempotency key came back with another request than its first. */
export class IdempotencyConflictError extends Error {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  override readonly name = 'IdempotencyConflictError';

  constructor() {
    super('this Idempotency-Key was used for another request');
  }
}

/** A key of ours holds a value of a type that is not ours: another program shares the prefix. */
export class WrongTypeError extends Error {
  readonly code = 'WRONG_TYPE';
  override readonly name = 'WrongTypeError';

  constructor(readonly key: string) {
    super(
      `the key "${key}" holds another type than Questlog's: does another program use the same KEY_PREFIX?`,
    );
  }
}

/** A generation of projected state was asked for that is not the live one any more. */
export class StaleGenerationError extends Error {
  readonly code = 'STALE_GENERATION';
  override readonly name = 'StaleGenerationError';

  /** @param generation the live one */
  constructor(readonly generation: number) {
    super(`generation ${generation} is live by now`);
  }
}

/** The one place where the codes that scripts answer become errors. Other errors pass unchanged. */
export function scriptError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const [code, detail = ''] = error.message.split(' ');
  switch (code) {
    case 'VERSION_CONFLICT':
      return new VersionConflictError(Number(detail));
    case 'IDEMPOTENCY_CONFLICT':
      return new IdempotencyConflictError();
    case 'WRONG_TYPE':
      return new WrongTypeError(detail);
    case 'STALE_GENERATION':
      return new StaleGenerationError(Number(detail));
    default:
      return error;
  }
}

const AWAY = new Set([
  // The connection, as ioredis and Node name it.
  'MaxRetriesPerRequestError',
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
  'NOREPLICAS',
  'MISCONF',
  'OOM',
]);
const AWAY_MESSAGES = [
  'Connection is closed',
  'Command aborted due to connection close',
  'Command timed out',
  "Stream isn't writeable",
  'Socket timeout',
];

/** Whether an error means "Redis cannot serve now" rather than "this call was wrong". Trying later can help. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, message, code } = error as Error & { code?: string };
  return (
    AWAY.has(name) ||
    AWAY.has(code ?? '') ||
    AWAY.has(message.split(' ', 1)[0] ?? '') ||
    AWAY_MESSAGES.some(text => message.startsWith(text))
  );
}
