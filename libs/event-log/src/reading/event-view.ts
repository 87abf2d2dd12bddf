import {
  type Actor,
  type EventId,
  type EventType,
  eventDefinitionOf,
  type RecordedEvent,
  timeOf,
  unpackEvent,
} from '#libs/events';
import { isOwnKey } from '../append/idempotency.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import type { Topology } from '../partitions/topology.js';
import { formatEventRef } from './event-ref.js';

/** An event as the API returns it. */
export interface EventView {
  readonly eventId: string;
  readonly type: EventType;
  /** ISO 8601, by the clock of the Redis server. */
  readonly at: string;
  readonly actor: Actor;
  readonly version?: number;
  /** W3C `traceparent`. */
  readonly trace?: string;
  readonly idempotencyKey?: string;
  /** The event's data. A save's document is the text as it was sent; `first` is the id of the original, if this is a copy. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** A stream entry that cannot be decoded. */
export interface UndecodableView {
  readonly eventId: string;
  readonly type: null;
  /** The reason. */
  readonly error: string;
  /** Names and values, alternating, as stored. */
  readonly entry: readonly string[];
}

/** A partition's name in event ids: `s3`. */
export function partitionName({ streamName, partition }: PartitionKeys): string {
  return `${streamName[0]}${partition}`;
}

export function viewEvent(event: RecordedEvent, keys: PartitionKeys, topology: Topology): EventView {
  const { id, type, actor, version, trace, idempotencyKey, data } = event;
  const inPartition = (partition: number, other: EventId) =>
    formatEventRef({ stream: keys.streamName, partition, id: other });
  const first = 'first' in data ? data.first : undefined;
  return {
    eventId: inPartition(keys.partition, id),
    type,
    at: new Date(timeOf(event)).toISOString(),
    actor,
    ...(version !== undefined && { version }),
    ...(trace !== undefined && { trace }),
    ...(idempotencyKey !== undefined && !isOwnKey(idempotencyKey) && { idempotencyKey }),
    data: first ? { ...data, first: inPartition(leaderOf(event, topology), first) } : { ...data },
  };
}

/** The partition that has the original of an event with copies. */
function leaderOf({ type, data }: RecordedEvent, topology: Topology): number {
  const { inEveryPartition, stream, subject } = eventDefinitionOf(type);
  return inEveryPartition ? 0 : topology.of(stream, subject(data)).partition;
}

/** An entry of the log, decoded if it can be. */
export function readEntry(
  keys: PartitionKeys,
  id: string,
  fields: readonly string[],
): RecordedEvent | UndecodableView {
  try {
    return unpackEvent(id, fields);
  } catch (error) {
    const eventId = `${partitionName(keys)}-${id}`;
    return { eventId, type: null, error: (error as Error).message, entry: fields };
  }
}
