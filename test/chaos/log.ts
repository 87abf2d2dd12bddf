import { formatEventRef, type PartitionKeys } from '#libs/event-log';
import { parseEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { Cluster } from './cluster.js';
import { POISON_FIELD } from './faults.js';

const PAGE = 1_000;

/** An entry of the log, as the one who looks from outside finds it. */
export interface LogEntry {
  readonly keys: PartitionKeys;
  /** As clients know it: `s3-<ms>-<seq>`. */
  readonly eventId: string;
  /** The id within its partition. */
  readonly id: string;
  /** Nothing when it is no event. */
  readonly event: RecordedEvent | undefined;
  /** Planted by this harness. */
  readonly poison: boolean;
}

/** All of the log, partition by partition. */
export async function readLog({ redis, topology }: Cluster): Promise<LogEntry[]> {
  const partitions = [...topology.all('scores'), ...topology.all('players')];
  const parts = await Promise.all(partitions.map(keys => readPartition(redis.client, keys)));
  return parts.flat();
}

async function readPartition(redis: RedisClient, keys: PartitionKeys): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (let from = '-'; ; ) {
    const page = await redis.xrange(keys.stream, from, '+', 'COUNT', PAGE);
    for (const [id, fields] of page) entries.push(toEntry(keys, id, fields));
    const last = page.at(-1);
    if (!last || page.length < PAGE) return entries;
    from = `(${last[0]}`;
  }
}

function toEntry(keys: PartitionKeys, id: string, fields: readonly string[]): LogEntry {
  const ref = { stream: keys.streamName, partition: keys.partition, id: parseEventId(id) };
  return {
    keys,
    eventId: formatEventRef(ref),
    id,
    event: unpacked(id, fields),
    poison: fields.includes(POISON_FIELD),
  };
}

function unpacked(id: string, fields: readonly string[]): RecordedEvent | undefined {
  try {
    return unpackEvent(id, fields);
  } catch {
    return undefined;
  }
}
