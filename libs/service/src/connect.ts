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

/** How often a connection is attempted. */
const RETRY_INTERVAL_MS = 250;
/** Timeout of one attempt. ioredis itself would query Sentinels forever. */
const CONNECT_TIMEOUT_MS = 2_500;

/** The server is reachable but rejects this client, or its certificate is not trusted. Waiting would not help. */
export class RedisAccessError extends Error {
  readonly code = 'NOT_ADMITTED';
  override readonly name = 'RedisAccessError';
}

/**
 * Connects, and waits for as long as the server is unreachable.
 *
 * @param address the address that the client was created with
 * @param onWait called once with the reason for waiting
 * @throws RedisAccessError for a wrong password, a missing permission, or a certificate that is not trusted
 */
export async function connectTo(
  redis: RedisClient,
  address: RedisAddress,
  onWait: (message: string) => void,
): Promise<void> {
  // `connect` only reports that there is no connection; the error event has the reason.
  let reason: Error | undefined;
  const remember = (error: Error & { lastNodeError?: Error }) => {
    reason = error.lastNodeError ?? error;
  };
  redis.on('error', remember);
  try {
    for (let attempt = 1; !(await isConnected(redis)); attempt++) {
      if (!('url' in address)) reason = (await findNodeError(address)) ?? reason;
      if (attempt === 1)
        onWait(`waiting for Redis at ${nameOfAddress(address)}: ${describeFailure(reason, address)}`);
      assertAccess(reason, address);
      await delay(RETRY_INTERVAL_MS);
    }
    assertAccess(reason, address);
  } catch (error) {
    redis.disconnect();
    throw error;
  } finally {
    redis.off('error', remember);
  }
}

/** Tries to connect once. ioredis also reconnects by itself between the attempts. */
async function isConnected(redis: RedisClient): Promise<boolean> {
  try {
    if (redis.status === 'wait' || redis.status === 'end')
      await Promise.race([redis.connect(), delay(CONNECT_TIMEOUT_MS, undefined, { ref: false })]);
    await ping(redis);
    return true;
  } catch (error) {
    // A user who may not even send PING gets the error here, so pass it on to the listener.
    if (error instanceof Error && isAccessError(error)) redis.emit('error', error);
    return false;
  }
}

/**
 * Finds out why the nodes of a cluster, or the Sentinels, cannot be used. ioredis only reports that its connections to them
 * are closed.
 */
async function findNodeError(address: ClusterAddress | SentinelAddress): Promise<Error | undefined> {
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
    if (fault && (isAccessError(fault) || isCertificateError(fault))) break;
  }
  return fault instanceof Error ? fault : undefined;
}

// Includes a refused SELECT, after which the client would otherwise continue in database 0.
const isAccessError = ({ message }: Error) =>
  /^(WRONGPASS|NOAUTH|NOPERM|ERR (DB|AUTH|Client sent AUTH))/.test(message);

const isCertificateError = ({ code = '' }: NodeJS.ErrnoException) =>
  /CERT|SELF_SIGNED|^UNABLE_TO_|^ERR_TLS_/.test(code) || code === 'HOSTNAME_MISMATCH';

function assertAccess(reason: Error | undefined, address: RedisAddress): void {
  const where = `Redis at ${nameOfAddress(address)}`;
  if (reason && isAccessError(reason)) {
    const remedy =
      'user and password are in REDIS_URL, or in REDIS_USERNAME and REDIS_PASSWORD; those of Sentinels in ' +
      'REDIS_SENTINEL_USERNAME and REDIS_SENTINEL_PASSWORD';
    throw new RedisAccessError(`${where} refuses: ${reason.message}\n${remedy}`);
  }
  if (reason && 'nodes' in address && reason.message.includes('cluster support disabled'))
    throw new RedisAccessError(`${where} is not a cluster: set REDIS_URL for a single server`);
  if (reason && isCertificateError(reason))
    throw new RedisAccessError(
      `the certificate of ${where} is not trusted: ${reason.message}\nIf you use your own CA, set NODE_EXTRA_CA_CERTS to its file`,
    );
}

/** The errors of a plain connection to a TLS port, and of TLS to a plain port, do not mention TLS, so this adds it. */
function describeFailure(reason: (Error & { code?: string }) | undefined, address: RedisAddress): string {
  const message = reason?.message ?? 'it does not answer';
  const isTls = address.tls || ('url' in address && address.url.startsWith('rediss:'));
  const setting = 'url' in address ? 'rediss://' : 'REDIS_TLS=on';
  if (isTls && /ETIMEDOUT|EPROTO|ERR_SSL/.test(reason?.code ?? ''))
    return `${message} (${setting} needs a port with TLS)`;
  if (!isTls && reason?.code === 'ECONNRESET') return `${message} (a port with TLS needs ${setting})`;
  return message;
}
