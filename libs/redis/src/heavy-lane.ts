import { nodeIdOf, type RedisClient } from './clients/client.js';

/** By client and server: a promise that settles when the last heavy call is answered. */
const lanes = new WeakMap<RedisClient, Map<string, Promise<unknown>>>();

/**
 * Runs a call that takes Redis a millisecond or more, after the previous heavy calls are answered. Redis executes everything
 * that one connection has sent before it serves the next connection, so heavy calls that are sent together block it like one.
 *
 * @param key a key that the call reads; it decides the server
 */
export function inHeavyLane<T>(client: RedisClient, key: string, call: () => Promise<T>): Promise<T> {
  const own = lanes.get(client) ?? new Map<string, Promise<unknown>>();
  lanes.set(client, own);
  const server = nodeIdOf(client, key);
  const answered = (own.get(server) ?? Promise.resolve()).then(call);
  own.set(
    server,
    answered.catch(() => {}),
  );
  return answered;
}
