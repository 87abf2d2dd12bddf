import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import {
  type Appended,
  type AppendOptions,
  DefinitionChangedError,
  EventLog,
  NotReplayedError,
  type PartitionKeys,
  type Topology,
} from '#libs/event-log';
import { type BoardDefined, type BoardDefinition, DEFAULT_DEFINITION, type NewEvent } from '#libs/events';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { ShardsFixedError } from '../errors.js';
import { BoardCopies, type BoardEvent, type FirstAppend } from './board-copies.js';
import { type DefinedBoard, definitionIdOf, parseDefinedBoard, readDefinedBoard } from './defined-board.js';

const MAX_CACHED_BOARDS = 10_000;
/** Each attempt fails only if someone else has changed the definition since the one before. */
const MAX_ATTEMPTS = 5;
/** The delay before the next attempt. It doubles each time. */
const RETRY_DELAY_MS = 10;

/** The fields of an event besides its data: who caused it, and for which request. */
export type Envelope = Pick<NewEvent, 'actor' | 'trace' | 'idempotencyKey'>;

/**
 * The definitions of boards. Writers use cached definitions without asking Redis. A cached definition can be out of date
 * without harm, because the log rejects an event that names another definition than the current one.
 */
export class BoardCatalog {
  private readonly cached: LRUCache<string, DefinedBoard>;
  private readonly copies: BoardCopies;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    capacity = MAX_CACHED_BOARDS,
    private readonly log = new EventLog(redis, topology),
  ) {
    this.cached = new LRUCache({ max: capacity });
    this.copies = new BoardCopies(redis, topology, log);
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
      ? this.copies.copyToShards(appended, event)
      : this.copies.copyToSource(appended, event, source);
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
    await this.copies.removeElsewhere(appended, event);
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
        return {
          first,
          formerPartitions: first.replayed ? [] : await this.copies.partitionsBesideHome(board, known),
        };
      } catch (error) {
        if (error instanceof NotReplayedError && !options?.replayOnly)
          throw new ShardsFixedError(known.definition.shards);
        throw error;
      }
    });
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
