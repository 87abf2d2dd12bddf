import { setTimeout as delay } from 'node:timers/promises';
import {
  type Appended,
  type AppendOptions,
  DefinitionChangedError,
  EventLog,
  NotReplayedError,
  type PartitionKeys,
  shardsOf,
  type Topology,
} from '#libs/event-log';
import {
  type BoardDefined,
  type BoardDefinition,
  compareEventIds,
  DEFAULT_DEFINITION,
  type EventId,
  type NewEvent,
} from '#libs/events';
import { LruMap, type RedisClient, readWholeHash } from '#libs/redis';
import { type DefinedBoard, definitionIdOf, parseDefinedBoard, readDefinedBoard } from './defined-board.js';

const MAX_CACHED_BOARDS = 10_000;
/** Each attempt fails only if someone else has changed the definition since the one before. */
const MAX_ATTEMPTS = 5;
/** The delay before the next attempt. It doubles each time. */
const RETRY_DELAY_MS = 10;

/** The fields of an event besides its data: who caused it, and for which request. */
export type Envelope = Pick<NewEvent, 'actor' | 'trace' | 'idempotencyKey'>;

/** The number of shards of a board cannot be changed. */
export class ShardsFixedError extends Error {
  readonly code = 'SHARDS_FIXED';
  override readonly name = 'ShardsFixedError';

  constructor(shards = 1) {
    super(
      `the board has ${shards === 1 ? 'no shards' : `${shards} shards`}, which cannot be changed because its scores would have to move: remove the board, then define it again`,
    );
  }
}

/** A board derived from one with shards cannot have dense ranks: the shards' numbers of distinct scores do not add up. */
export class DenseShardsError extends Error {
  readonly code = 'DENSE_SHARDS';
  override readonly name = 'DenseShardsError';

  constructor(source: string) {
    super(
      `ranking cannot be dense because the source ${source} has shards, and distinct scores cannot be counted across shards: use standard or ordinal`,
    );
  }
}

/** The event in the home partition, and the other partitions where the board was before. */
interface FirstAppend {
  readonly first: Appended;
  readonly formerPartitions: readonly PartitionKeys[];
}

type BoardEvent = NewEvent<'BoardDefined'> | NewEvent<'BoardRemoved'>;

/**
 * The definitions of boards. Writers use cached definitions without asking Redis. A cached definition can be out of date
 * without harm, because the log rejects an event that names another definition than the current one.
 */
export class BoardCatalog {
  private readonly cached: LruMap<DefinedBoard>;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    capacity = MAX_CACHED_BOARDS,
    private readonly log = new EventLog(redis, topology),
  ) {
    this.cached = new LruMap(capacity);
  }

  /** The cached definition, or the default one if the board is not cached. */
  cachedOrDefault(board: string): DefinedBoard {
    return this.cached.get(board) ?? { definition: DEFAULT_DEFINITION };
  }

  /** Reads the current definition, and caches it. */
  async find(board: string): Promise<DefinedBoard> {
    return this.cache(board, await readDefinedBoard(this.redis, this.topology, board));
  }

  /** Caches a definition. @param text as it is stored in the board's home partition; empty if there is none */
  correct(board: string, text: string): DefinedBoard {
    return this.cache(board, parseDefinedBoard(text));
  }

  /** The boards, and those derived from one of them. */
  async withDerived(boards: readonly string[]): Promise<string[]> {
    const partitions = new Set(boards.map(board => this.homeOf(board)));
    const definitions = await Promise.all(
      [...partitions].map(keys => readWholeHash(this.redis, keys.definitions())),
    );
    const sources = new Set(boards);
    const derived = definitions.flatMap(Object.entries<string>).flatMap(([board, text]) => {
      // Skip parsing the JSON, since there can be 100,000 definitions.
      const [, source = ''] = text.split(' ', 2);
      return sources.has(source) ? [board] : [];
    });
    return [...new Set([...boards, ...derived])].sort();
  }

  /** All defined boards. */
  async all(): Promise<Map<string, DefinedBoard>> {
    const boards = new Map<string, DefinedBoard>();
    await Promise.all(
      this.topology.all('scores').map(async keys => {
        for (const [board, text] of Object.entries(await readWholeHash(this.redis, keys.definitions()))) {
          const known = parseDefinedBoard(text);
          // Partitions of its source or shards have copies, which are left out.
          if (known.definedBy && this.homeOf(board) === keys) boards.set(board, known);
        }
      }),
    );
    return boards;
  }

  /**
   * Defines a board, or replaces its definition.
   *
   * The event goes to the home partition first, where the name is claimed. The partitions of its source or shards get
   * copies, and partitions where the board was before get a removal. A crash in between leaves partitions that disagree.
   * Repeating the request, or any later definition, repairs that.
   *
   * @returns the event that, once applied, means that the definition is in force everywhere
   * @throws IdempotencyConflictError
   * @throws ShardsFixedError, BoardScoredError, BoardInUseError if the board cannot have these shards
   * @throws DenseShardsError if its source has shards
   * @throws DefinitionChangedError if someone else changed the definition during each attempt
   */
  async define(
    board: string,
    definition: BoardDefinition,
    envelope: Envelope,
    options?: Pick<AppendOptions, 'replayOnly'>,
  ): Promise<Appended> {
    const event: NewEvent<'BoardDefined'> = {
      type: 'BoardDefined',
      data: { board, definition },
      ...envelope,
    };
    const appended = await this.appendFirst(event, options);
    const { source } = definition;
    return source === undefined
      ? this.copyToShards(appended, event)
      : this.copyToSource(appended, event, source);
  }

  /** Copies a definition to the partitions of the board's shards, if it has any. */
  private async copyToShards(appended: FirstAppend, event: NewEvent<'BoardDefined'>): Promise<Appended> {
    const { first } = appended;
    const { board, definition } = event.data;
    const [home, ...others] = shardsOf(this.topology, board, definition.shards) as [PartitionKeys];
    const { createdBy } = others.length > 0 ? await this.find(board) : {};
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
  private async copyToSource(
    appended: FirstAppend,
    event: NewEvent<'BoardDefined'>,
    source: string,
  ): Promise<Appended> {
    const { first } = appended;
    const { definition } = event.data;
    const readShards = async () =>
      (await readDefinedBoard(this.redis, this.topology, source)).definition.shards;
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
    const home = this.homeOf(source);
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
   * Removes a board from all partitions.
   *
   * @returns the event that, once applied, means that the board is gone. It is the one in the home partition: readers use
   * that partition as soon as the log has the removal there
   * @throws as `define`
   */
  async remove(
    board: string,
    envelope: Envelope,
    options?: Pick<AppendOptions, 'replayOnly'>,
  ): Promise<Appended> {
    const event: NewEvent<'BoardRemoved'> = { type: 'BoardRemoved', data: { board }, ...envelope };
    const appended = await this.appendFirst(event, options);
    await this.removeElsewhere(appended, event);
    return appended.first;
  }

  /**
   * Calls `append` with the current definition, and again with the new one if the log reports that it has changed.
   *
   * @throws DefinitionChangedError if someone else changed the definition during each attempt
   */
  async appendWithDefinition<T>(board: string, append: (known: DefinedBoard) => Promise<T>): Promise<T> {
    let known = await this.find(board);
    for (let attempt = 1; ; attempt++) {
      try {
        return await append(known);
      } catch (error) {
        if (!(error instanceof DefinitionChangedError) || attempt === MAX_ATTEMPTS) throw error;
        const before = definitionIdOf(known);
        known = await this.find(board);
        // A shard gets a definition a little later than the home partition.
        if (definitionIdOf(known) === before) await delay(RETRY_DELAY_MS * 2 ** attempt);
      }
    }
  }

  /** Appends the event to the home partition, where the name is claimed. */
  private async appendFirst(event: BoardEvent, options?: AppendOptions): Promise<FirstAppend> {
    const { board } = event.data;
    return this.appendWithDefinition(board, async known => {
      try {
        const first = await this.log.append(event, { ...options, ...conditions(event, known) });
        await this.find(board);
        // After a deduplicated append, it is unknown where the board was before.
        return { first, formerPartitions: first.replayed ? [] : await this.otherPartitionsOf(board, known) };
      } catch (error) {
        if (error instanceof NotReplayedError && !options?.replayOnly)
          throw new ShardsFixedError(known.definition.shards);
        throw error;
      }
    });
  }

  /**
   * Removes a board from partitions where it no longer is: where it was until now, and where a crash has left an older
   * definition. If the first append was deduplicated, the removals that were appended then are looked up.
   *
   * @param current the partitions where the board is now, if it is not only in its home partition
   */
  private async removeElsewhere(
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
  private async otherPartitionsOf(board: string, { definition }: DefinedBoard): Promise<PartitionKeys[]> {
    const { source, shards } = definition;
    if (source === undefined) return shardsOf(this.topology, board, shards).slice(1);
    const { definition: counted } = await readDefinedBoard(this.redis, this.topology, source);
    return shardsOf(this.topology, source, counted.shards);
  }

  private cache(board: string, known: DefinedBoard): DefinedBoard {
    if (known.definedBy) this.cached.set(board, known);
    else this.cached.delete(board);
    return known;
  }

  private homeOf(board: string): PartitionKeys {
    return this.topology.of('scores', board);
  }
}

/** The log must have the same definition. A change of shards is only deduplicated, never appended. */
function conditions({ type, data }: BoardEvent, known: DefinedBoard): AppendOptions {
  const isFixed =
    type === 'BoardDefined' &&
    known.definedBy &&
    (data as BoardDefined).definition.shards !== known.definition.shards;
  return { definedBy: definitionIdOf(known), ...(isFixed && { replayOnly: true }) };
}

/** The position that, once applied in all partitions, means that an event and its copies are applied. */
function positionOfAll(events: readonly Appended[], { replayed }: Appended): Appended {
  const [only, ...others] = events as [Appended];
  if (others.length === 0) return { ...only, replayed };
  const [id] = events.map(({ ref }) => ref.id).sort((a, b) => compareEventIds(b, a)) as [EventId];
  return { ref: { stream: only.ref.stream, partition: 'all', id }, replayed };
}
