import type { PartitionKeys } from '#libs/event-log';
import { keysLike } from './servers/redis-cluster.js';
import type { TestLog } from './test-log.js';

/** What projections keep in a partition. */
export interface KeptState {
  readonly hashes: Record<string, Record<string, string>>;
  readonly ranks: Record<string, Record<string, number>>;
  readonly documents: Record<string, string | null>;
}

export const NO_STATE: KeptState = { hashes: {}, ranks: {}, documents: {} };

/** A key of projected state without partition and generation: `ranks:board`. */
export function nameOf(key: string): string {
  return key.replace(/^.*?}:(\w+)@\d+/, '$1');
}

/**
 * All that projections keep in a partition, by name.
 *
 * @param generation without it, of all generations; that one thing is kept in two of them is an error then
 */
export async function stateOf(
  { redis }: TestLog,
  { stream }: PartitionKeys,
  generation?: number,
): Promise<KeptState> {
  const base = stream.slice(0, -'log'.length);
  const isState = new RegExp(`@${generation ?? '\\d+'}(:|$)`);
  const { hashes, ranks, documents }: KeptState = { hashes: {}, ranks: {}, documents: {} };
  for (const key of (await keysLike(redis, `${base}*@*`)).sort()) {
    if (!isState.test(key)) continue;
    const name = nameOf(key);
    if (name in hashes || name in ranks || name in documents)
      throw new Error(`${key} is kept of two generations`);
    const type = await redis.type(key);
    if (type === 'hash') hashes[name] = await redis.hgetall(key);
    else if (type === 'string') documents[name] = await redis.get(key);
    else if (type === 'ReJSON-RL') documents[name] = withoutPlace(String(await redis.call('JSON.GET', key)));
    else if (type === 'zset') ranks[name] = pairs(await redis.zrange(key, 0, '-1', 'WITHSCORES'));
  }
  return { hashes, ranks, documents };
}

/** A JSON value names its partition and generation, as the index needs it. */
function withoutPlace(json: string): string {
  const { at: _, ...rest } = JSON.parse(json) as Record<string, unknown>;
  return JSON.stringify(rest);
}

function pairs(flat: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    flat.flatMap((member, i) => (i % 2 === 0 ? [[member, Number(flat[i + 1])]] : [])),
  );
}
