import { setTimeout as delay } from 'node:timers/promises';
import type { RedisClient } from '#libs/redis';

/** Milliseconds between two looks whether a server is there. */
const INTERVAL = 250;

/** The server is there, but will not have this client, or is not to be trusted: to wait is no help. */
export class NotAdmittedError extends Error {
  readonly code = 'NOT_ADMITTED';
  override readonly name = 'NotAdmittedError';
}

/**
 * Connects, waiting for a server that is not there yet.
 *
 * @param url as the client was created with
 * @param onWait told once why there is a wait
 * @throws NotAdmittedError for a wrong password, a user who may not, a certificate that is not trusted
 */
export async function connectTo(
  redis: RedisClient,
  url: string,
  onWait: (message: string) => void,
): Promise<void> {
  // The call only says that there is no connection; the event says why.
  let reason: Error | undefined;
  const remember = (error: Error) => {
    reason = error;
  };
  redis.on('error', remember);
  try {
    for (let attempt = 1; !(await isConnected(redis)); attempt++) {
      if (attempt === 1) onWait(`waiting for Redis at ${withoutPassword(url)}: ${describe(reason, url)}`);
      assertAdmitted(reason, url);
      await delay(INTERVAL);
    }
    assertAdmitted(reason, url);
  } catch (error) {
    redis.disconnect();
    throw error;
  } finally {
    redis.off('error', remember);
  }
}

/** Where a server is, for logs and messages. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, '//***@').replace(/\?.*/s, '');
}

/** Between attempts ioredis reconnects by itself. */
async function isConnected(redis: RedisClient): Promise<boolean> {
  try {
    if (redis.status === 'wait' || redis.status === 'end') await redis.connect();
    await redis.ping();
    return true;
  } catch (error) {
    // Who may not even ask is told here.
    if (error instanceof Error && isRefusal(error)) redis.emit('error', error);
    return false;
  }
}

// `SELECT` of a database that is not allowed would otherwise go on in database 0.
const isRefusal = ({ message }: Error) =>
  /^(WRONGPASS|NOAUTH|NOPERM|ERR (DB|AUTH|Client sent AUTH))/.test(message);

const isCertificate = ({ code = '' }: NodeJS.ErrnoException) =>
  /CERT|SELF_SIGNED|^UNABLE_TO_|^ERR_TLS_/.test(code) || code === 'HOSTNAME_MISMATCH';

function assertAdmitted(reason: Error | undefined, url: string): void {
  const where = `Redis at ${withoutPassword(url)}`;
  if (reason && isRefusal(reason))
    throw new NotAdmittedError(`${where} refuses: ${reason.message}\nREDIS_URL has user and password`);
  if (reason && isCertificate(reason))
    throw new NotAdmittedError(
      `${where} is not to be trusted: ${reason.message}\nFor a CA of your own: NODE_EXTRA_CA_CERTS=<its file>`,
    );
}

/** What is said to clear bytes at a TLS port, and to TLS at a clear one, does not tell of TLS by itself. */
function describe(reason: (Error & { code?: string }) | undefined, url: string): string {
  const message = reason?.message ?? 'it does not answer';
  if (url.startsWith('rediss:') && /ETIMEDOUT|EPROTO|ERR_SSL/.test(reason?.code ?? ''))
    return `${message} (rediss:// needs a port with TLS)`;
  if (url.startsWith('redis:') && reason?.code === 'ECONNRESET')
    return `${message} (a port with TLS needs rediss://)`;
  return message;
}
