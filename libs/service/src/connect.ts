import { setTimeout as delay } from 'node:timers/promises';
import {
  type ClusterAddress,
  createClient,
  nameOfAddress,
  ping,
  type RedisAddress,
  type RedisClient,
  type SentinelAddress,
} from '#libs/redis';

/** Milliseconds between two looks whether a server is there. */
const INTERVAL = 250;
/** Milliseconds for an attempt: Sentinels are asked on and on. */
const ATTEMPT = 2_500;

/** The server is there, but will not have this client, or is not to be trusted: to wait is no help. */
export class NotAdmittedError extends Error {
  readonly code = 'NOT_ADMITTED';
  override readonly name = 'NotAdmittedError';
}

/**
 * Connects, waiting for a server that is not there yet.
 *
 * @param address as the client was created with
 * @param onWait told once why there is a wait
 * @throws NotAdmittedError for a wrong password, a user who may not, a certificate that is not trusted
 */
export async function connectTo(
  redis: RedisClient,
  address: RedisAddress,
  onWait: (message: string) => void,
): Promise<void> {
  // The call only says that there is no connection; the event says why.
  let reason: Error | undefined;
  const remember = (error: Error & { lastNodeError?: Error }) => {
    reason = error.lastNodeError ?? error;
  };
  redis.on('error', remember);
  try {
    for (let attempt = 1; !(await isConnected(redis)); attempt++) {
      if (!('url' in address)) reason = (await faultOf(address)) ?? reason;
      if (attempt === 1)
        onWait(`waiting for Redis at ${nameOfAddress(address)}: ${describe(reason, address)}`);
      assertAdmitted(reason, address);
      await delay(INTERVAL);
    }
    assertAdmitted(reason, address);
  } catch (error) {
    redis.disconnect();
    throw error;
  } finally {
    redis.off('error', remember);
  }
}

/** Between attempts ioredis reconnects by itself. */
async function isConnected(redis: RedisClient): Promise<boolean> {
  try {
    if (redis.status === 'wait' || redis.status === 'end')
      await Promise.race([redis.connect(), delay(ATTEMPT, undefined, { ref: false })]);
    await ping(redis);
    return true;
  } catch (error) {
    // Who may not even ask is told here.
    if (error instanceof Error && isRefusal(error)) redis.emit('error', error);
    return false;
  }
}

/**
 * What keeps a client from the nodes of a cluster, or from Sentinels: of its own connections to them, ioredis only tells
 * that they are closed.
 */
async function faultOf(address: ClusterAddress | SentinelAddress): Promise<Error | undefined> {
  const { nodes, username, password } =
    'nodes' in address
      ? address
      : {
          nodes: address.sentinels,
          username: address.sentinelUsername,
          password: address.sentinelPassword,
        };
  let fault: Error | undefined;
  for (const node of nodes) {
    const probe = createClient({ url: `redis://${node}`, username, password, tls: address.tls }, 'probe');
    probe.on('error', error => {
      fault = error;
    });
    if ((await isConnected(probe)) && 'nodes' in address)
      fault = await probe.call('CLUSTER', 'SLOTS').then(undefined, error => error);
    probe.disconnect();
    if (fault && (isRefusal(fault) || isCertificate(fault))) break;
  }
  return fault instanceof Error ? fault : undefined;
}

// `SELECT` of a database that is not allowed would otherwise go on in database 0.
const isRefusal = ({ message }: Error) =>
  /^(WRONGPASS|NOAUTH|NOPERM|ERR (DB|AUTH|Client sent AUTH))/.test(message);

const isCertificate = ({ code = '' }: NodeJS.ErrnoException) =>
  /CERT|SELF_SIGNED|^UNABLE_TO_|^ERR_TLS_/.test(code) || code === 'HOSTNAME_MISMATCH';

function assertAdmitted(reason: Error | undefined, address: RedisAddress): void {
  const where = `Redis at ${nameOfAddress(address)}`;
  if (reason && isRefusal(reason)) {
    const remedy =
      'user and password are in REDIS_URL, or in REDIS_USERNAME and REDIS_PASSWORD; those of Sentinels in ' +
      'REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD';
    throw new NotAdmittedError(`${where} refuses: ${reason.message}\n${remedy}`);
  }
  if (reason && 'nodes' in address && reason.message.includes('cluster support disabled'))
    throw new NotAdmittedError(`${where} is no cluster: name a single server in REDIS_URL`);
  if (reason && isCertificate(reason))
    throw new NotAdmittedError(
      `${where} is not to be trusted: ${reason.message}\nFor a CA of your own: NODE_EXTRA_CA_CERTS=<its file>`,
    );
}

/** What is said to clear bytes at a TLS port, and to TLS at a clear one, does not tell of TLS by itself. */
function describe(reason: (Error & { code?: string }) | undefined, address: RedisAddress): string {
  const message = reason?.message ?? 'it does not answer';
  const isTls = address.tls || ('url' in address && address.url.startsWith('rediss:'));
  const setting = 'url' in address ? 'rediss://' : 'REDIS_TLS=on';
  if (isTls && /ETIMEDOUT|EPROTO|ERR_SSL/.test(reason?.code ?? ''))
    return `${message} (${setting} needs a port with TLS)`;
  if (!isTls && reason?.code === 'ECONNRESET') return `${message} (a port with TLS needs ${setting})`;
  return message;
}
