import { type PartitionKeys, partitionName, type Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { workersKey } from './keys.js';
import { script } from './lua.js';

export interface ConsumerStatus {
  readonly name: string;
  /** Events that it was given and has not acknowledged. */
  readonly pending: number;
  /** Milliseconds since its last sign of life, as far as Redis or its heartbeat tell. */
  readonly idleMs: number;
  /** Whether it says of itself that it reads the partition. */
  readonly live: boolean;
}

export interface GroupStatus {
  readonly group: string;
  /** Events that were not delivered yet. From some ten thousand on it may be more. */
  readonly lag: number;
  /** Seconds since the oldest of them was appended; 0 when there is none. */
  readonly lagSeconds: number;
  /** Events that were delivered and are not acknowledged. */
  readonly pending: number;
  /** Milliseconds since the oldest of them was appended; null when there is none. */
  readonly oldestPendingMs: number | null;
  /** Workers that live, by their heartbeats. */
  readonly workers: number;
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
  /** Milliseconds by which the next id will be ahead of Redis's clock. */
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

/** Bytes of entries that one call counts, about, and entries: Redis does nothing else meanwhile. */
const CALL_BYTES = 1_000_000;
const CALL_ENTRIES = 1_000;
/** Calls for a group and partition. What is behind that, Redis's own figure tells, which can be too high. */
const MAX_CALLS = 10;

const describeStream = script<Reply>('describe-stream');
const countBehind = script<[count: number, last: string, ms: string | null]>('count-behind');

/**
 * Every partition of the log, and how far its consumer groups are.
 *
 * @param groups those whose workers are looked for
 */
export function readStreamStatus(
  redis: RedisClient,
  topology: Topology,
  groups: Readonly<Record<StreamName, readonly string[]>>,
): Promise<StreamStatus[]> {
  return Promise.all(
    STREAMS.flatMap(stream => topology.all(stream).map(keys => readPartition(redis, keys, groups[stream]))),
  );
}

async function readPartition(
  redis: RedisClient,
  keys: PartitionKeys,
  names: readonly string[],
): Promise<StreamStatus> {
  const touched = [keys.stream, ...names.map(name => workersKey(keys, name))];
  const reply = await describeStream.run(redis, touched, names);
  const [now, length, bytes, first, last, generated, groups] = reply;
  const eventId = (id: string | null) => (id === null ? null : `${partitionName(keys)}-${id}`);
  const perCall = Math.min(CALL_ENTRIES, Math.max(1, Math.floor((CALL_BYTES * length) / ((bytes ?? 0) + 1))));
  return {
    stream: keys.streamName,
    partition: keys.partition,
    length,
    bytes: bytes ?? 0,
    firstId: eventId(first),
    lastId: eventId(last),
    aheadMs: Math.max(0, Number.parseInt(generated, 10) - now),
    groups: await Promise.all(
      groups.map(async group => toGroup(group, now, await lagOf(redis, keys, group, perCall, length))),
    ),
  };
}

interface Lag {
  readonly events: number;
  /** When the first of them was appended. */
  readonly since: number | undefined;
}

/**
 * Redis's own lag is not to be trusted: it is too high for ever after an append-only file was rewritten and loaded, and missing
 * or wrong after deletions. So what is behind is counted.
 */
async function lagOf(
  redis: RedisClient,
  { stream }: PartitionKeys,
  [, lag, delivered, hint]: GroupReply,
  perCall: number,
  length: number,
): Promise<Lag> {
  if (lag !== null) return { events: lag, since: undefined };
  let [events, from, since]: [number, string, number | undefined] = [0, delivered, undefined];
  for (let call = 0; call < MAX_CALLS; call++) {
    const [count, last, ms] = await countBehind.run(redis, [stream], [from, perCall]);
    if (ms !== null) since ??= Number(ms);
    events += count;
    from = last;
    if (count < perCall) return { events, since };
  }
  return { events: Math.min(length, Math.max(events, hint ?? 0)), since };
}

function toGroup(reply: GroupReply, now: number, lag: Lag): GroupStatus {
  const [group, , , , pending, oldest, consumers, workers] = reply;
  return {
    group,
    lag: lag.events,
    lagSeconds: lag.since === undefined ? 0 : Math.max(0, now - lag.since) / 1_000,
    pending,
    oldestPendingMs: oldest === null ? null : Math.max(0, now - Number.parseInt(oldest, 10)),
    workers: workers.length,
    consumers: withWorkers(consumers, workers),
  };
}

/** Redis 7.0 forgets consumers that got nothing for some minutes: a heartbeat is a sign of life, too. */
function withWorkers(consumers: GroupReply[6], workers: GroupReply[7]): ConsumerStatus[] {
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
