import { PartitionLog, parsePartitionKey, partitionKeysLike, type Topology } from '#libs/event-log';
import type { StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { scan } from './logins.js';

const readRecords = script<string[]>('read-records');

/** Marks a partition that may have such records although none of its events was erased, for the next repartition. */
const ORPHANS = 'orphans';

/**
 * Copies idempotency records of erased events. Their subjects are unknown, so every partition gets a copy.
 *
 * @param onPage may throw to stop
 */
export async function copyOrphans(
  redis: RedisClient,
  from: Topology,
  to: Topology,
  stream: StreamName,
  onPage: () => Promise<void>,
): Promise<void> {
  const signs = await Promise.all(
    from.all(stream).map(keys => redis.hmget(keys.erasures(), 'events', ORPHANS)),
  );
  if (signs.flat().every(sign => sign === null)) return;
  await Promise.all(to.all(stream).map(keys => redis.hset(keys.erasures(), ORPHANS, 1)));
  for await (const keys of scan(redis, partitionKeysLike(from.prefix, stream, 'idempotency:*'))) {
    await Promise.all(keys.map(key => copyOrphan(redis, from, to, stream, key)));
    await onPage();
  }
}

async function copyOrphan(
  redis: RedisClient,
  from: Topology,
  to: Topology,
  stream: StreamName,
  key: string,
): Promise<void> {
  const name = parsePartitionKey(from.prefix, key);
  const keys = name?.epoch === from.epochs[stream] ? from.all(stream)[name.partition] : undefined;
  if (!name || !keys) return;
  const [found = ''] = await readRecords.run(redis, [key], []);
  const [milliseconds = '', ...words] = found.split(' ');
  const [, id = '-'] = words;
  if (Number(milliseconds) <= 0 || (await new PartitionLog(redis, keys).event(id))) return;
  const hash = name.rest.slice('idempotency:'.length);
  const places = to.all(stream).map(place => place.idempotency(hash));
  await Promise.all(places.map(place => redis.set(place, words.join(' '), 'PX', milliseconds, 'NX')));
}
