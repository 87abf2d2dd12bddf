import { type PartitionKeys, partitionName, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { workersKey } from './keys.js';
import { script } from './lua.js';

export interface ConsumerStatus {
  readonly name: string;
  /** Events that were delivered to it and are not acknowledged. */
  readonly pending: number;
  /** Milliseconds since its last activity: the smaller of the idle time in Redis and the age of its heartbeat. */
  readonly idleMs: number;
  /** True while its heartbeat is valid. */
  readonly live: boolean;
}

export interface GroupStatus {
  readonly group: string;
  /** Events that have not been delivered yet. Exact up to about ten thousand; beyond that it may be too high. */
  readonly lag: number;
  /** Seconds since the oldest undelivered event was appended; 0 when there is none. */
  readonly lagSeconds: number;
  /** Events that were delivered and are not acknowledged yet. */
  readonly pending: number;
  /** Milliseconds since the oldest pending event was appended; null when there is none. */
  readonly oldestPendingMs: number | null;
  /** Number of workers with a valid heartbeat. */
  readonly workers: number;
  readonly consumers: readonly ConsumerStatus[];
}

/** A snapshot of one partition of the log and its consumer groups. */
export interface StreamStatus {
  readonly stream: StreamName;
  readonly partition: number;
  /** Number of events in the partition. */
  readonly length: number;
  /** Memory used by the stream in bytes, as estimated by Redis. */
  readonly bytes: number;
  /** The id of the oldest event; null when the partition is empty. */
  readonly firstId: string | null;
  readonly lastId: string | null;
  /** Milliseconds by which the last id is ahead of the clock of the Redis server; 0 when it is not. */
  readonly aheadMs: number;
  readonly groups: readonly GroupStatus[];
}

type Reply = [
  now: number,
  length: number,
  bytes: number | null,
  first: string | null,
  last: string | null,
  generated: string,
  groups: GroupReply[],
];
type GroupReply = [
  group: string,
  lag: number | null,
  delivered: string,
  hint: number | null,
  pending: number,
  oldest: string | null,
  consumers: [name: string, pending: number, idle: number][],
  workers: [name: string, idle: number][],
];

/** Limits of one counting call, during which Redis serves nobody else. The number of bytes is approximate. */
const MAX_CALL_BYTES = 1_000_000;
const MAX_CALL_ENTRIES = 1_000;
/** Counting calls per group and partition. If more events are left, the lag that Redis reports is used, which can be too high. */
const MAX_CALLS = 10;

const describeStream = script<Reply>('describe-stream');
const countEntriesAfter = script<[count: number, last: string, ms: string | null]>('count-behind');

/**
 * Reads the status of every partition of the log and of its consumer groups.
 *
 * @param groups the consumer groups of each stream whose workers are included
 */
export function readStreamStatus(
  redis: RedisClient,
  topology: Topology,
  groups: Readonly<Record<StreamName, readonly string[]>>,
): Promise<StreamStatus[]> {
  return Promise.all(
    STREAMS.flatMap(stream =>
      topology.all(stream).map(keys => readPartitionStatus(redis, keys, groups[stream])),
    ),
  );
}

async function readPartitionStatus(
  redis: RedisClient,
  keys: PartitionKeys,
  names: readonly string[],
): Promise<StreamStatus> {
  const touched = [keys.stream, ...names.map(name => workersKey(keys, name))];
  const reply = await describeStream.run(redis, touched, names);
  const [now, length, bytes, first, last, generated, groups] = reply;
  const eventId = (id: string | null) => (id === null ? null : `${partitionName(keys)}-${id}`);
  const perCall = Math.min(
    MAX_CALL_ENTRIES,
    Math.max(1, Math.floor((MAX_CALL_BYTES * length) / ((bytes ?? 0) + 1))),
  );
  return {
    stream: keys.streamName,
    partition: keys.partition,
    length,
    bytes: bytes ?? 0,
    firstId: eventId(first),
    lastId: eventId(last),
    aheadMs: Math.max(0, Number.parseInt(generated, 10) - now),
    groups: await Promise.all(
      groups.map(async group =>
        toGroupStatus(group, now, await countLag(redis, keys, group, perCall, length)),
      ),
    ),
  };
}

interface Lag {
  readonly events: number;
  /** When the oldest of them was appended, in milliseconds since 1970. Undefined when there is none. */
  readonly oldestMs: number | undefined;
}

/**
 * Counts the undelivered events of a group. The lag that Redis reports is unreliable: it stays too high after an append-only
 * file has been rewritten and loaded, and it is missing or wrong after deletions.
 */
async function countLag(
  redis: RedisClient,
  { stream }: PartitionKeys,
  [, lag, delivered, hint]: GroupReply,
  perCall: number,
  length: number,
): Promise<Lag> {
  if (lag !== null) return { events: lag, oldestMs: undefined };
  let [events, from, oldestMs]: [number, string, number | undefined] = [0, delivered, undefined];
  for (let call = 0; call < MAX_CALLS; call++) {
    const [count, last, ms] = await countEntriesAfter.run(redis, [stream], [from, perCall]);
    if (ms !== null) oldestMs ??= Number(ms);
    events += count;
    from = last;
    if (count < perCall) return { events, oldestMs };
  }
  return { events: Math.min(length, Math.max(events, hint ?? 0)), oldestMs };
}

function toGroupStatus(reply: GroupReply, now: number, lag: Lag): GroupStatus {
  const [group, , , , pending, oldest, consumers, workers] = reply;
  return {
    group,
    lag: lag.events,
    lagSeconds: lag.oldestMs === undefined ? 0 : Math.max(0, now - lag.oldestMs) / 1_000,
    pending,
    oldestPendingMs: oldest === null ? null : Math.max(0, now - Number.parseInt(oldest, 10)),
    workers: workers.length,
    consumers: mergeConsumers(consumers, workers),
  };
}

/**
 * Merges the consumers that Redis knows with the workers that sent heartbeats. `removeAbsentConsumers` removes live consumers
 * of Redis 7.0 that received no events for some minutes.
 */
function mergeConsumers(consumers: GroupReply[6], workers: GroupReply[7]): ConsumerStatus[] {
  const beats = new Map(workers);
  const known = consumers.map(([name, pending, idle]) => {
    const beat = beats.get(name);
    return { name, pending, idleMs: Math.min(idle, beat ?? idle), live: beat !== undefined };
  });
  const named = new Set(consumers.map(([name]) => name));
  const others = workers
    .filter(([name]) => !named.has(name))
    .map(([name, idleMs]) => ({ name, pending: 0, idleMs, live: true }));
  return [...known, ...others];
}
