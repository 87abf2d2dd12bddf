import { isRedisUnavailable } from './errors.js';

/** What keeps Redis from serving, as far as an operator acts differently on it. */
export type TroubleKind =
  | 'unreachable'
  | 'loading'
  | 'refused'
  | 'busy'
  | 'read-only'
  | 'full'
  | 'disk'
  | 'replicas';

export interface Trouble {
  readonly kind: TroubleKind;
  /** A sentence for callers and operators. It names no host, user, or key. */
  readonly detail: string;
}

/** By the first word of what a server answers. */
const BY_CODE: Readonly<Record<string, Trouble>> = {
  LOADING: { kind: 'loading', detail: 'Redis is loading its data (LOADING)' },
  OOM: { kind: 'full', detail: 'Redis is out of memory and refuses writes (OOM)' },
  MISCONF: { kind: 'disk', detail: 'Redis has trouble with its disk and refuses writes (MISCONF)' },
  READONLY: { kind: 'read-only', detail: 'Redis is read-only: this server is a replica (READONLY)' },
  UNBLOCKED: {
    kind: 'read-only',
    detail: 'Redis ended a waiting read: it becomes a replica, or a stream was deleted (UNBLOCKED)',
  },
  NOREPLICAS: {
    kind: 'replicas',
    detail: 'Redis has too few replicas in reach and refuses writes (NOREPLICAS)',
  },
  BUSY: { kind: 'busy', detail: 'Redis is busy with a script (BUSY)' },
  WRONGPASS: { kind: 'refused', detail: 'Redis refuses the user or password of this service (WRONGPASS)' },
  NOAUTH: { kind: 'refused', detail: 'Redis wants a password from this service (NOAUTH)' },
  MASTERDOWN: { kind: 'unreachable', detail: 'Redis is a replica that has lost its master (MASTERDOWN)' },
  CLUSTERDOWN: { kind: 'unreachable', detail: 'the Redis Cluster is down (CLUSTERDOWN)' },
};

const UNREACHABLE: Trouble = { kind: 'unreachable', detail: 'Redis is unreachable' };
export const SILENT: Trouble = { kind: 'unreachable', detail: 'Redis is unreachable: it does not answer' };

/** What ioredis says of a command for which there is no connection: the connection's own error says why there is none. */
const NOT_CONNECTED =
  /^(Stream isn't writeable|Connection is closed|Cluster isn't ready|Command aborted|Reached the max)/;

/** What a server says of a command that the user may not run, and of one within a script. */
const FORBIDDEN = /^(NOPERM|ERR The user executing the script can't (run|access) )/;

/** Why a client has no connection, for as long as it has none. A process talks to one Redis. */
const connectionFaults = new Map<object, Error>();

/** Remembers why a client cannot connect: commands are only told that there is no connection. */
export function setConnectionFault(client: object, fault: Error | undefined): void {
  if (fault) connectionFaults.set(client, fault);
  else connectionFaults.delete(client);
}

/** @returns nothing for an error that is not about Redis being unable to serve */
export function troubleOf(error: unknown): Trouble | undefined {
  if (!isRedisUnavailable(error)) return undefined;
  const { message } = error as Error;
  const known = knownTrouble(message);
  if (known) return known;
  if (!NOT_CONNECTED.test(message)) return UNREACHABLE;
  for (const fault of connectionFaults.values()) {
    const cause = knownTrouble(fault.message);
    if (cause) return cause;
  }
  return UNREACHABLE;
}

function knownTrouble(message: string): Trouble | undefined {
  if (FORBIDDEN.test(message)) return forbidden(message);
  if (/^(Command timed out|Socket timeout)/.test(message)) return SILENT;
  if (/^ERR (AUTH|Client sent AUTH|DB)/.test(message)) return BY_CODE.WRONGPASS;
  return BY_CODE[message.split(' ', 1)[0] ?? ''];
}

function forbidden(message: string): Trouble {
  const [, command] = /'([\w|.-]+)' command/.exec(message) ?? [];
  const what = command ? `the command ${command}` : 'a command or key that it needs';
  return { kind: 'refused', detail: `Redis does not permit this service ${what} (NOPERM)` };
}
