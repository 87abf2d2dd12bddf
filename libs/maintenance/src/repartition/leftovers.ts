import {
  MOVED,
  type PartitionKeyName,
  PartitionKeys,
  parsePartitionKey,
  partitionKeysLike,
  type Topology,
} from '#libs/event-log';
import type { StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { groupsOf } from '../projections/projections.js';
import { scan } from './logins.js';

/**
 * Retires old partitions: a process that was frozen and still uses them is refused, because their gates are closed and no
 * generation is live. These few keys stay for ever.
 */
export async function retire(
  redis: RedisClient,
  partitions: readonly PartitionKeys[],
  groups: readonly string[],
): Promise<void> {
  await Promise.all(
    partitions.flatMap(keys => groups.map(group => redis.hset(keys.live(group), 'generation', MOVED))),
  );
}

/** Retires all partitions of earlier epochs. Their gates show which partitions existed. */
export async function retireEarlier(
  redis: RedisClient,
  { prefix, epochs }: Topology,
  stream: StreamName,
): Promise<void> {
  for await (const gates of scan(redis, partitionKeysLike(prefix, stream, 'gate'))) {
    const past = gates.flatMap(gate => {
      const { partition = 0, epoch = Number.POSITIVE_INFINITY } = parsePartitionKey(prefix, gate) ?? {};
      return epoch < epochs[stream] ? [new PartitionKeys(prefix, stream, partition, epoch)] : [];
    });
    await retire(redis, past, groupsOf(stream));
  }
}

/**
 * Deletes partitions of a stream, a few keys at a time. It can be interrupted at any time, and run again.
 *
 * @param what the keys of retired partitions stay if this is `all but retired`
 * @returns the number of deleted keys
 */
export async function dropPartitions(
  redis: RedisClient,
  prefix: string,
  stream: StreamName,
  isGone: (epoch: number) => boolean,
  what: 'all' | 'all but retired',
  onPage: () => Promise<void> = async () => {},
): Promise<number> {
  let dropped = 0;
  for await (const keys of scan(redis, partitionKeysLike(prefix, stream))) {
    const gone = keys.filter(key => {
      const name = parsePartitionKey(prefix, key);
      return name !== undefined && isGone(name.epoch) && (what === 'all' || !isOfRetired(name));
    });
    const deleted = await Promise.all(gone.map(key => redis.unlink(key)));
    dropped += deleted.reduce((sum, one) => sum + one, 0);
    await onPage();
  }
  return dropped;
}

const isOfRetired = ({ rest }: PartitionKeyName) => rest === 'gate' || rest.startsWith('live:');
