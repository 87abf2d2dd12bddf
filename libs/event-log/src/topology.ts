import { crc32 } from 'node:zlib';
import { STREAMS, type StreamName } from '#libs/events';
import { PartitionKeys, type RedisClient, topologyKey } from '#libs/redis';

/** The log has another number of partitions than this process was told: it would look for events in the wrong place. */
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

/** Which partitions there are, and which one a subject belongs to. */
export class Topology {
  private readonly partitions: Readonly<Record<StreamName, readonly PartitionKeys[]>>;

  constructor(
    /** What stands before every key. */
    readonly prefix: string,
    readonly counts: Readonly<Record<StreamName, number>>,
  ) {
    const keys = (stream: StreamName) =>
      Array.from({ length: counts[stream] }, (_, partition) => new PartitionKeys(prefix, stream, partition));
    this.partitions = { scores: keys('scores'), players: keys('players') };
  }

  /**
   * Opens the log: the very first process writes the partition counts, all others must agree with it.
   *
   * @throws PartitionCountError
   */
  static async open(
    redis: RedisClient,
    prefix: string,
    counts: Record<StreamName, number>,
  ): Promise<Topology> {
    const key = topologyKey(prefix);
    for (const stream of STREAMS) {
      await redis.hsetnx(key, stream, counts[stream]);
      const actual = Number(await redis.hget(key, stream));
      if (actual !== counts[stream]) throw new PartitionCountError(stream, counts[stream], actual);
    }
    return new Topology(prefix, counts);
  }

  all(stream: StreamName): readonly PartitionKeys[] {
    return this.partitions[stream];
  }

  /** @throws RangeError when there is no such partition */
  at(stream: StreamName, partition: number): PartitionKeys {
    const keys = this.partitions[stream][partition];
    if (!keys) throw new RangeError(`there is no partition ${partition} of ${stream}`);
    return keys;
  }

  of(stream: StreamName, subject: string): PartitionKeys {
    return this.at(stream, crc32(subject) % this.counts[stream]);
  }
}
