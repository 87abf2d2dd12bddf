import type { RedisClient } from './clients/client.js';

/** Fields that Redis looks through in one command, about: a fraction of a millisecond. */
const SCANNED_FIELDS = 1_000;

/**
 * Reads a hash whose size nobody limits, a stretch at a time: a small one in one command. What changes meanwhile may or may
 * not be in it.
 */
export async function readWholeHash(redis: RedisClient, key: string): Promise<Record<string, string>> {
  // Names come from outside: none of them must mean anything to JavaScript.
  const fields = new Map<string, string>();
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscan(key, cursor, 'COUNT', SCANNED_FIELDS);
    for (let i = 0; i < flat.length; i += 2) fields.set(flat[i] ?? '', flat[i + 1] ?? '');
    cursor = next;
  } while (cursor !== '0');
  return Object.fromEntries(fields);
}
