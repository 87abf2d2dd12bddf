import { placeOf, type RedisClient } from './clients/client.js';

/** By client and server: settles when the last heavy call is answered. */
const lanes = new WeakMap<RedisClient, Map<string, Promise<unknown>>>();

/**
 * Runs a call that takes Redis a millisecond or more when those before it are answered. Redis carries out all that one
 * connection has sent before it turns to the next one: calls that are sent together hold it like a single one.
 *
 * @param key one that the call reads
 */
export function inHeavyLane<T>(client: RedisClient, key: string, call: () => Promise<T>): Promise<T> {
  const own = lanes.get(client) ?? new Map<string, Promise<unknown>>();
  lanes.set(client, own);
  const server = placeOf(client, key);
  const answered = (own.get(server) ?? Promise.resolve()).then(call);
  own.set(
    server,
    answered.catch(() => {}),
  );
  return answered;
}
