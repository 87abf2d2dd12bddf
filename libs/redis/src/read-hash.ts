import type { RedisClient } from './clients/client.js';

/** About how many fields Redis scans per command: a fraction of a millisecond. */
const SCAN_COUNT = 1_000;

/**
 * Reads a hash of unlimited size in several commands; a small one takes a single command. Changes made meanwhile may or may
 * not be in the result.
 */
export async function readWholeHash(redis: RedisClient, key: string): Promise<Record<string, string>> {
  // A map, because field names come from outside and could be `__proto__`.
  const fields = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(key, cursor, 'COUNT', SCAN_COUNT);
    for (let i = 0; i < flat.length; i += 2) fields.set(flat[i] ?? '', flat[i + 1] ?? '');
    cursor = next;
  } while (cursor !== '0');
  return Object.fromEntries(fields);
}
