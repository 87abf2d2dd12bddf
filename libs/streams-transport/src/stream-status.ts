import { partitionName, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';

export interface ConsumerStatus {
  readonly name: string;
  /** Events that it was given and has not acknowledged. */
  readonly pending: number;
  /** Milliseconds since it last read; in Redis 7.0, since it last got something. */
  readonly idleMs: number;
}

export interface GroupStatus {
  readonly group: string;
  /** Events that were not delivered yet; null where Redis cannot tell. */
  readonly lag: number | null;
  /** Events that were delivered and are not acknowledged. */
  readonly pending: number;
  /** Milliseconds since the oldest of them was appended; null when there is none. */
  readonly oldestPendingMs: number | null;
  readonly consumers: readonly ConsumerStatus[];
}

/** A partition of the log at one moment. */
export interface StreamStatus {
  readonly stream: StreamName;
  readonly partition: number;
  /** Events in it. */
  readonly length: number;
  /** Memory that it takes, as far as Redis can estimate it. */
  readonly bytes: number;
  /** An event id; null when it is empty. */
  readonly firstId: string | null;
  readonly lastId: string | null;
  readonly groups: readonly GroupStatus[];
}

type Reply = [
  now: number,
  length: number,
  bytes: number | null,
  first: string | null,
  last: string | null,
  groups: GroupReply[],
];
type GroupReply = [
  group: string,
  lag: number | null,
  pending: number,
  oldest: string | null,
  consumers: [name: string, pending: number, idle: number][],
];

const describeStream = new Script<Reply>('describe-stream');

/** Every partition of the log, and how far its consumer groups are. */
export function readStreamStatus(redis: RedisClient, topology: Topology): Promise<StreamStatus[]> {
  return Promise.all(STREAMS.flatMap(stream => topology.all(stream).map(keys => readPartition(redis, keys))));
}

async function readPartition(redis: RedisClient, keys: PartitionKeys): Promise<StreamStatus> {
  const [now, length, bytes, first, last, groups] = await describeStream.run(redis, [keys.stream], []);
  const eventId = (id: string | null) => (id === null ? null : `${partitionName(keys)}-${id}`);
  return {
    stream: keys.streamName,
    partition: keys.partition,
    length,
    bytes: bytes ?? 0,
    firstId: eventId(first),
    lastId: eventId(last),
    groups: groups.map(group => toGroup(group, now)),
  };
}

function toGroup([group, lag, pending, oldest, consumers]: GroupReply, now: number): GroupStatus {
  return {
    group,
    lag,
    pending,
    oldestPendingMs: oldest === null ? null : now - Number.parseInt(oldest, 10),
    consumers: consumers.map(([name, owned, idleMs]) => ({ name, pending: owned, idleMs })),
  };
}
