import type { RedisClient } from '#libs/redis';

/** What a mortal client answers when its process is dead. */
export class KilledError extends Error {
  override readonly name = 'KilledError';
}

/** Methods of a cluster's client that ask no server. */
const LOOKUPS: readonly (string | symbol)[] = ['nodes', 'nodeOf', 'placeOf'];

/**
 * A client whose process dies before one of its commands: from then on, nothing that it asks for is done.
 *
 * @param commands how many are done before
 */
export function mortal(
  redis: RedisClient,
  commands = Number.POSITIVE_INFINITY,
): { client: RedisClient; sent: () => number } {
  let sent = 0;
  const client = new Proxy(redis, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function' || LOOKUPS.includes(name)) return value;
      return (...args: unknown[]) => {
        sent += 1;
        if (sent > commands) return Promise.reject(new KilledError('killed'));
        return Reflect.apply(value, target, args);
      };
    },
  });
  return { client, sent: () => sent };
}
