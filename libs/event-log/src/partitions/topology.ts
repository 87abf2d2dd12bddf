import { crc32 } from 'node:zlib';
import { type EventId, formatEventId, parseEventId, STREAMS, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { FIRST_EPOCH, PartitionKeys, topologyKey } from './partition-keys.js';

/** This process is configured with a different number of partitions than the log has, so it would look for events in the wrong place. */
export class PartitionCountError extends Error {
  readonly code = 'PARTITION_COUNT';
  override readonly name = 'PartitionCountError';

  constructor(stream: StreamName, expected: number, actual: number) {
    const variable = `${stream.toUpperCase()}_PARTITIONS`;
    super(
      `this log has ${actual} partitions of ${stream}, not ${expected}: set ${variable}=${actual}, or unset it`,
    );
  }
}

/** The stored partition counts are invalid, so events cannot be located. */
export class TopologyError extends Error {
  readonly code = 'TOPOLOGY';
  override readonly name = 'TopologyError';

  constructor(key: string, fields: Readonly<Record<string, string>>) {
    super(
      `the key ${key} holds ${JSON.stringify(fields)}, which does not say how many partitions there are: restore it from a backup, or set its fields scores and players to the partition counts`,
    );
  }
}

/** There is no log. Only services create one, because a tool could create it with other partition counts. */
export class NoLogError extends Error {
  readonly code = 'NO_LOG';
  override readonly name = 'NoLogError';

  constructor(key: string) {
    super(
      `there is no log: Redis has no key ${key}. Start Questlog first, or correct REDIS_URL and KEY_PREFIX. If the key was deleted while Questlog runs, its services write it again: try again in a second`,
    );
  }
}

type PerStream<T> = Readonly<Record<StreamName, T>>;

/** Partitions per stream of a new log, unless configured otherwise. */
const DEFAULT_PARTITIONS = 8;

const FIRST_EPOCHS: PerStream<number> = { scores: FIRST_EPOCH, players: FIRST_EPOCH };

/** How the streams are divided into partitions. */
interface Layout {
  readonly counts: PerStream<number>;
  readonly epochs: PerStream<number>;
  readonly ends: PerStream<EventId | undefined>;
  readonly partitions: PerStream<readonly PartitionKeys[]>;
}

/**
 * The partitions of the log, and which one a subject belongs to.
 *
 * The log can be repartitioned while processes run. They follow as soon as the topology is updated; their writes to the old
 * partitions are refused.
 */
export class Topology {
  private layout: Layout;
  private readonly listeners: (() => void)[] = [];

  constructor(
    /** The prefix of every key. */
    readonly prefix: string,
    counts: PerStream<number>,
    epochs = FIRST_EPOCHS,
  ) {
    this.layout = layoutOf(prefix, counts, epochs);
  }

  /**
   * Opens the log. The very first process stores the partition counts; all others read them.
   *
   * @param counts the counts that a new log gets, and that an existing log must have
   * @throws PartitionCountError, TopologyError
   */
  static async open(
    redis: RedisClient,
    prefix: string,
    counts: Partial<PerStream<number | undefined>>,
  ): Promise<Topology> {
    for (const stream of STREAMS)
      await redis.hsetnx(topologyKey(prefix), stream, counts[stream] ?? DEFAULT_PARTITIONS);
    return Topology.find(redis, prefix, counts);
  }

  /**
   * Opens an existing log, and writes nothing.
   *
   * @param counts the counts that it must have
   * @throws NoLogError, PartitionCountError, TopologyError
   */
  static async find(
    redis: RedisClient,
    prefix: string,
    counts: Partial<PerStream<number | undefined>>,
  ): Promise<Topology> {
    const topology = new Topology(prefix, { scores: DEFAULT_PARTITIONS, players: DEFAULT_PARTITIONS });
    const fields = await redis.hgetall(topologyKey(prefix));
    if (Object.keys(fields).length === 0) throw new NoLogError(topologyKey(prefix));
    if (!isTopology(fields)) throw new TopologyError(topologyKey(prefix), fields);
    topology.update(fields);
    for (const stream of STREAMS) {
      const [expected, actual] = [counts[stream], topology.counts[stream]];
      if (expected !== undefined && expected !== actual)
        throw new PartitionCountError(stream, expected, actual);
    }
    return topology;
  }

  get counts(): PerStream<number> {
    return this.layout.counts;
  }

  /** The log epoch of each stream: 1, and one more for each repartition. */
  get epochs(): PerStream<number> {
    return this.layout.epochs;
  }

  /** The last event before the latest repartition; undefined if there was none. */
  movedUpTo(stream: StreamName): EventId | undefined {
    return this.layout.ends[stream];
  }

  /** Stores the partition counts again after they were deleted. */
  async restore(redis: RedisClient): Promise<void> {
    for (const stream of STREAMS) {
      const end = this.movedUpTo(stream);
      const fields = {
        [stream]: this.counts[stream],
        ...(this.epochs[stream] !== FIRST_EPOCH && { [`${stream}:epoch`]: this.epochs[stream] }),
        ...(end && { [`${stream}:movedUpTo`]: formatEventId(end) }),
      };
      for (const [field, value] of Object.entries(fields))
        await redis.hsetnx(topologyKey(this.prefix), field, value);
    }
  }

  /** @param fields from Redis; missing or invalid ones change nothing */
  update(fields: Readonly<Record<string, string>>): void {
    if (!isTopology(fields)) return;
    const of = <T>(read: (stream: StreamName) => T): PerStream<T> => ({
      scores: read('scores'),
      players: read('players'),
    });
    const counts = of(stream => Number(fields[stream]));
    const epochs = of(stream => Number(fields[`${stream}:epoch`] ?? FIRST_EPOCH));
    const isSame = (stream: StreamName) =>
      epochs[stream] === this.epochs[stream] && counts[stream] === this.counts[stream];
    if (STREAMS.every(isSame)) return;
    const ends = of(stream => {
      const end = fields[`${stream}:movedUpTo`];
      return end === undefined ? undefined : parseEventId(end);
    });
    const { partitions } = this.layout;
    const cut = layoutOf(this.prefix, counts, epochs, ends);
    // Keep the `PartitionKeys` object of a partition that still exists: `log-check.ts` stores its memory of the partition under it.
    const known = new Map(STREAMS.flatMap(stream => partitions[stream]).map(keys => [keys.stream, keys]));
    this.layout = {
      ...cut,
      partitions: of(stream =>
        isSame(stream)
          ? partitions[stream]
          : cut.partitions[stream].map(keys => known.get(keys.stream) ?? keys),
      ),
    };
    for (const listener of this.listeners) listener();
  }

  /**
   * Whether the fields result from a repartition of this log. Otherwise another log has taken its place: Redis was emptied, or an
   * older backup was restored.
   */
  isSucceededBy(fields: Readonly<Record<string, string>>): boolean {
    return STREAMS.every(stream => {
      const epoch = Number(fields[`${stream}:epoch`] ?? FIRST_EPOCH);
      return (
        epoch > this.epochs[stream] ||
        (epoch === this.epochs[stream] && Number(fields[stream]) === this.counts[stream])
      );
    });
  }

  /** Registers a listener for changes of the partitions. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  all(stream: StreamName): readonly PartitionKeys[] {
    return this.layout.partitions[stream];
  }

  /** @throws RangeError when there is no such partition */
  at(stream: StreamName, partition: number): PartitionKeys {
    const keys = this.layout.partitions[stream][partition];
    if (!keys) throw new RangeError(`there is no partition ${partition} of ${stream}`);
    return keys;
  }

  of(stream: StreamName, subject: string): PartitionKeys {
    return this.at(stream, crc32(subject) % this.counts[stream]);
  }
}

/** Whether the fields are valid partition counts for both streams. */
export function isTopology(fields: Readonly<Record<string, string>>): boolean {
  return STREAMS.every(
    stream =>
      /^[1-9]\d{0,3}$/.test(fields[stream] ?? '') && /^[1-9]\d*$/.test(fields[`${stream}:epoch`] ?? '1'),
  );
}

function layoutOf(
  prefix: string,
  counts: PerStream<number>,
  epochs: PerStream<number>,
  ends: Layout['ends'] = { scores: undefined, players: undefined },
): Layout {
  const keys = (stream: StreamName) =>
    Array.from(
      { length: counts[stream] },
      (_, partition) => new PartitionKeys(prefix, stream, partition, epochs[stream]),
    );
  return { counts, epochs, ends, partitions: { scores: keys('scores'), players: keys('players') } };
}
