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
 * Has whoever goes by these partitions still, because it was frozen, be refused: the gates are closed, and no generation is
 * live any more. These few keys stay for ever.
 */
export async function entomb(
  redis: RedisClient,
  partitions: readonly PartitionKeys[],
  groups: readonly string[],
): Promise<void> {
  await Promise.all(
    partitions.flatMap(keys => groups.map(group => redis.hset(keys.live(group), 'generation', MOVED))),
  );
}

/** As `entomb`, for all partitions of epochs before one: their gates say which there were. */
export async function entombBefore(
  redis: RedisClient,
  { prefix, epochs }: Topology,
  stream: StreamName,
): Promise<void> {
  for await (const gates of scan(redis, partitionKeysLike(prefix, stream, 'gate'))) {
    const past = gates.flatMap(gate => {
      const { partition = 0, epoch = Number.POSITIVE_INFINITY } = parsePartitionKey(prefix, gate) ?? {};
      return epoch < epochs[stream] ? [new PartitionKeys(prefix, stream, partition, epoch)] : [];
    });
    await entomb(redis, past, groupsOf(stream));
  }
}

/**
 * Deletes partitions of a stream, a few keys at a time. It can be stopped anywhere, and begun anew.
 *
 * @param what goes: of partitions that were live once, all but the tombs
 * @returns how many keys it deleted
 */
export async function dropPartitions(
  redis: RedisClient,
  prefix: string,
  stream: StreamName,
  isGone: (epoch: number) => boolean,
  what: 'all' | 'all but tombs',
  onPage: () => Promise<void> = async () => {},
): Promise<number> {
  let dropped = 0;
  for await (const keys of scan(redis, partitionKeysLike(prefix, stream))) {
    const gone = keys.filter(key => {
      const name = parsePartitionKey(prefix, key);
      return name !== undefined && isGone(name.epoch) && (what === 'all' || !isTomb(name));
    });
    const deleted = await Promise.all(gone.map(key => redis.unlink(key)));
    dropped += deleted.reduce((sum, one) => sum + one, 0);
    await onPage();
  }
  return dropped;
}

const isTomb = ({ rest }: PartitionKeyName) => rest === 'gate' || rest.startsWith('live:');
