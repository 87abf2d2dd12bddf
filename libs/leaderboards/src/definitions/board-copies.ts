import {
  type Appended,
  type EventLog,
  NotReplayedError,
  type PartitionKeys,
  shardsOf,
  type Topology,
} from '#libs/event-log';
import { compareEventIds, type EventId, type NewEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { DenseShardsError } from '../errors.js';
import { type DefinedBoard, parseDefinedBoard, readDefinedBoard } from './defined-board.js';

/** The event in the home partition, and the other partitions where the board was before. */
export interface FirstAppend {
  readonly first: Appended;
  readonly formerPartitions: readonly PartitionKeys[];
}

export type BoardEvent = NewEvent<'BoardDefined'> | NewEvent<'BoardRemoved'>;

/**
 * Brings the other partitions up to date after an event about a board was appended to its home partition. Every step can
 * be repeated.
 */
export class BoardCopies {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly log: EventLog,
  ) {}

  /** Copies a definition to the partitions of the board's shards, if it has any. */
  async copyToShards(appended: FirstAppend, event: NewEvent<'BoardDefined'>): Promise<Appended> {
    const { first } = appended;
    const { board, definition } = event.data;
    const [home, ...others] = shardsOf(this.topology, board, definition.shards) as [PartitionKeys];
    const { createdBy } = others.length > 0 ? await this.read(board) : {};
    // A deduplicated request can be older than a removal of the board. Then there is nothing to repair.
    const isPast = !createdBy || compareEventIds(first.ref.id, createdBy) < 0;
    const targets = isPast ? [] : others;
    const copied = { ...event, data: { ...event.data, ...(createdBy && { born: createdBy }) } };
    const [copies] = await Promise.all([
      Promise.all(targets.map(keys => this.log.copyTo(keys, copied, first.ref.id))),
      this.removeElsewhere(appended, event, others.length > 0 ? [home, ...others] : []),
    ]);
    return positionOfAll([first, ...copies], first);
  }

  /** Copies a definition to the partitions of the source's scores. */
  async copyToSource(
    appended: FirstAppend,
    event: NewEvent<'BoardDefined'>,
    source: string,
  ): Promise<Appended> {
    const { first } = appended;
    const { definition } = event.data;
    const readShards = async () => (await this.read(source)).definition.shards;
    const before = await readShards();
    const copyTo = (keys: PartitionKeys, shards: number | undefined) => {
      if (shards !== undefined && definition.ranking === 'dense') throw new DenseShardsError(source);
      const withShards = { ...definition, ...(shards !== undefined && { shards }) };
      return this.log.copyTo(
        keys,
        { ...event, data: { ...event.data, definition: withShards } },
        first.ref.id,
      );
    };
    const home = this.topology.of('scores', source);
    const copy = await copyTo(home, before);
    // From now on the source cannot gain or lose shards, because its home partition has a board derived from it.
    const shards = await readShards();
    const [sameHome, ...others] = shardsOf(this.topology, source, shards) as [PartitionKeys];
    const repeated = shards === before ? [] : [sameHome];
    const [copies] = await Promise.all([
      Promise.all([...repeated, ...others].map(keys => copyTo(keys, shards))),
      this.removeElsewhere(appended, event, [home, ...others]),
    ]);
    return positionOfAll([copy, ...copies], first);
  }

  /**
   * Removes a board from partitions where it no longer is: where it was until now, and where a crash has left an older
   * definition. If the first append was deduplicated, the removals that were appended then are looked up.
   *
   * @param current the partitions where the board is now, if it is not only in its home partition
   */
  async removeElsewhere(
    { first, formerPartitions }: FirstAppend,
    event: BoardEvent,
    current: readonly PartitionKeys[] = [],
  ): Promise<void> {
    const { type: _, data, ...envelope } = event;
    const { board } = data;
    const removal: NewEvent<'BoardRemoved'> = { type: 'BoardRemoved', data: { board }, ...envelope };
    const { id } = first.ref;
    const elsewhere = this.topology.all('scores').filter(keys => !current.includes(keys));
    await Promise.all(
      elsewhere.map(async keys => {
        if (formerPartitions.includes(keys) || (await this.isOlder(keys, board, id)))
          await this.log.copyTo(keys, removal, id);
        else if (first.replayed) await this.findEarlierCopy(keys, removal, id);
      }),
    );
  }

  /** Whether a partition has a definition of the board that is older than an event. */
  private async isOlder(keys: PartitionKeys, board: string, than: EventId): Promise<boolean> {
    const { definedBy } = parseDefinedBoard((await this.redis.hget(keys.definitions(), board)) ?? '');
    return definedBy !== undefined && compareEventIds(definedBy, than) < 0;
  }

  /** Looks up a copy that may have been appended before. */
  private async findEarlierCopy(keys: PartitionKeys, event: BoardEvent, first: EventId): Promise<void> {
    try {
      await this.log.copyTo(keys, event, first, { replayOnly: true });
    } catch (error) {
      if (!(error instanceof NotReplayedError)) throw error;
    }
  }

  /** The partitions of the board besides its home partition. */
  async partitionsBesideHome(board: string, { definition }: DefinedBoard): Promise<PartitionKeys[]> {
    const { source, shards } = definition;
    if (source === undefined) return shardsOf(this.topology, board, shards).slice(1);
    const { definition: counted } = await this.read(source);
    return shardsOf(this.topology, source, counted.shards);
  }

  private read(board: string): Promise<DefinedBoard> {
    return readDefinedBoard(this.redis, this.topology, board);
  }
}

/** The position that, once applied in all partitions, means that an event and its copies are applied. */
function positionOfAll(events: readonly Appended[], { replayed }: Appended): Appended {
  const [only, ...others] = events as [Appended];
  if (others.length === 0) return { ...only, replayed };
  const [id] = events.map(({ ref }) => ref.id).sort((a, b) => compareEventIds(b, a)) as [EventId];
  return { ref: { stream: only.ref.stream, partition: 'all', id }, replayed };
}
