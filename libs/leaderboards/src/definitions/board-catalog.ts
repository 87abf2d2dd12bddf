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
import { RecentlyUsed, type RedisClient, readWholeHash } from '#libs/redis';
import { type DefinedBoard, definedBy, parseDefinedBoard, readDefined } from './defined-board.js';

/** Boards that are remembered, at most. */
const REMEMBERED = 10_000;
/** Others may define the same board at the same time, and win this often. */
const ATTEMPTS = 5;
/** Milliseconds of a pause before a shard is asked again, and twice as many the next time. */
const PATIENCE = 10;

/** Who changes a board, and what else goes with the event. */
export type Envelope = Pick<NewEvent, 'actor' | 'trace' | 'idempotencyKey'>;

/** A board stays in as many shards as it was born in. */
export class ShardsFixedError extends Error {
  readonly code = 'SHARDS_FIXED';
  override readonly name = 'ShardsFixedError';

  constructor(shards = 1) {
    super(
      `the board is defined with ${shards === 1 ? 'no shards' : `${shards} shards`}, and its scores would not be moved: remove it, and define it anew`,
    );
  }
}

/** A board that counts the scores of one with shards cannot have dense ranks: distinct scores do not add up. */
export class DenseShardsError extends Error {
  readonly code = 'DENSE_SHARDS';
  override readonly name = 'DenseShardsError';

  constructor(source: string) {
    super(
      `${source} has shards, and different scores cannot be counted over shards: take another ranking than dense`,
    );
  }
}

/** The first event, and where the board was until then. */
interface Claim {
  readonly first: Appended;
  readonly left: readonly PartitionKeys[];
}

type BoardEvent = NewEvent<'BoardDefined'> | NewEvent<'BoardRemoved'>;

/**
 * What boards are. Writers judge by what is remembered here, without asking Redis, and the log tells them when that
 * does not hold any more: a memory can be old, and nothing wrong comes of it.
 */
export class BoardCatalog {
  private readonly remembered: RecentlyUsed<DefinedBoard>;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    capacity = REMEMBERED,
    private readonly log = new EventLog(redis, topology),
  ) {
    this.remembered = new RecentlyUsed(capacity);
  }

  /** What the board was when it was last heard of. A board that is not known counts as not defined. */
  recall(board: string): DefinedBoard {
    return this.remembered.get(board) ?? { definition: DEFAULT_DEFINITION };
  }

  /** What the board is now. */
  async find(board: string): Promise<DefinedBoard> {
    return this.remember(board, await readDefined(this.redis, this.topology, board));
  }

  /** @param text the definition as it stands beside the log, in the board's own partition; empty when there is none */
  correct(board: string, text: string): DefinedBoard {
    return this.remember(board, parseDefinedBoard(text));
  }

  /** The boards, and those that count the scores of one of them. */
  async withDerived(boards: readonly string[]): Promise<string[]> {
    const places = new Set(boards.map(board => this.homeOf(board)));
    const definitions = await Promise.all(
      [...places].map(keys => readWholeHash(this.redis, keys.definitions())),
    );
    const sources = new Set(boards);
    const derived = definitions.flatMap(Object.entries<string>).flatMap(([board, text]) => {
      // Of a hundred thousand definitions, hardly one need be parsed.
      const [, source = ''] = text.split(' ', 2);
      return sources.has(source) ? [board] : [];
    });
    return [...new Set([...boards, ...derived])].sort();
  }

  /** Every board that is defined now. */
  async all(): Promise<Map<string, DefinedBoard>> {
    const boards = new Map<string, DefinedBoard>();
    await Promise.all(
      this.topology.all('scores').map(async keys => {
        for (const [board, text] of Object.entries(await readWholeHash(this.redis, keys.definitions()))) {
          const known = parseDefinedBoard(text);
          // The partitions of its source, or of its shards, have it, too.
          if (known.by && this.homeOf(board) === keys) boards.set(board, known);
        }
      }),
    );
    return boards;
  }

  /**
   * Defines a board, or defines it anew.
   *
   * Its own partition has the event first, and names are taken there. The partitions of its source, where it lives, or
   * of its shards have copies, and those where it lived before learn that it left. A crash in between leaves a board that
   * is not where it is said to be; the same once more puts it right, as does any other definition.
   *
   * @returns the event that, once applied, means that the board is what was asked for
   * @throws IdempotencyConflictError
   * @throws ShardsFixedError, BoardScoredError, BoardInUseError when it cannot have these shards
   * @throws DenseShardsError when its source has shards
   * @throws DefinitionChangedError when others define it again and again
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
    const claim = await this.claim(event, options);
    const { source } = definition;
    return source === undefined ? this.spread(claim, event) : this.derive(claim, event, source);
  }

  /** Copies a definition to where the board has shards, if it has. */
  private async spread(claim: Claim, event: NewEvent<'BoardDefined'>): Promise<Appended> {
    const { first } = claim;
    const { board, definition } = event.data;
    const [home, ...others] = shardsOf(this.topology, board, definition.shards) as [PartitionKeys];
    const { born } = others.length > 0 ? await this.find(board) : {};
    // Replayed, it can be of a board that was removed since: of that, nothing is to be put right.
    const isPast = !born || compareEventIds(first.ref.id, born) < 0;
    const places = isPast ? [] : others;
    const copied = { ...event, data: { ...event.data, ...(born && { born }) } };
    const [copies] = await Promise.all([
      Promise.all(places.map(keys => this.log.copyTo(keys, copied, first.ref.id))),
      this.removeElsewhere(claim, event, others.length > 0 ? [home, ...others] : []),
    ]);
    return inAll([first, ...copies], first);
  }

  /** Copies a definition to where the scores are that the board counts. */
  private async derive(claim: Claim, event: NewEvent<'BoardDefined'>, source: string): Promise<Appended> {
    const { first } = claim;
    const { definition } = event.data;
    const shardsNow = async () => (await readDefined(this.redis, this.topology, source)).definition.shards;
    const before = await shardsNow();
    const copyTo = (keys: PartitionKeys, shards: number | undefined) => {
      if (shards !== undefined && definition.ranking === 'dense') throw new DenseShardsError(source);
      const spread = { ...definition, ...(shards !== undefined && { shards }) };
      return this.log.copyTo(keys, { ...event, data: { ...event.data, definition: spread } }, first.ref.id);
    };
    const home = this.homeOf(source);
    const copy = await copyTo(home, before);
    // Now that its home has a board that counts it, the source can neither get shards any more nor get rid of them.
    const shards = await shardsNow();
    const [same, ...others] = shardsOf(this.topology, source, shards) as [PartitionKeys];
    const again = shards === before ? [] : [same];
    const [copies] = await Promise.all([
      Promise.all([...again, ...others].map(keys => copyTo(keys, shards))),
      this.removeElsewhere(claim, event, [home, ...others]),
    ]);
    return inAll([copy, ...copies], first);
  }

  /**
   * Removes a board, from where it lives, too.
   *
   * @returns the event that, once applied, means that the board is gone: the first one, since readers turn to its own
   * partition as soon as the log says there that it has no source any more
   * @throws as `define`
   */
  async remove(
    board: string,
    envelope: Envelope,
    options?: Pick<AppendOptions, 'replayOnly'>,
  ): Promise<Appended> {
    const event: NewEvent<'BoardRemoved'> = { type: 'BoardRemoved', data: { board }, ...envelope };
    const claim = await this.claim(event, options);
    await this.removeElsewhere(claim, event);
    return claim.first;
  }

  /**
   * Appends by what a board is, and once more when it turns out to have been defined anew meanwhile.
   *
   * @throws DefinitionChangedError when others define it again and again
   */
  async judging<T>(board: string, append: (known: DefinedBoard) => Promise<T>): Promise<T> {
    let known = await this.find(board);
    for (let attempt = 1; ; attempt++) {
      try {
        return await append(known);
      } catch (error) {
        if (!(error instanceof DefinitionChangedError) || attempt === ATTEMPTS) throw error;
        const before = definedBy(known);
        known = await this.find(board);
        // A shard hears of a definition a little later than the board's own partition.
        if (definedBy(known) === before) await delay(PATIENCE * 2 ** attempt);
      }
    }
  }

  /** Appends the first event, where the name is taken. */
  private async claim(event: BoardEvent, options?: AppendOptions): Promise<Claim> {
    const { board } = event.data;
    return this.judging(board, async known => {
      try {
        const first = await this.log.append(event, { ...options, ...conditions(event, known) });
        await this.find(board);
        // A replayed event says nothing of what was before it.
        return { first, left: first.replayed ? [] : await this.placesOf(board, known) };
      } catch (error) {
        if (error instanceof NotReplayedError && !options?.replayOnly)
          throw new ShardsFixedError(known.definition.shards);
        throw error;
      }
    });
  }

  /**
   * Removes a board from where it lives no more: where it lived until now, and wherever a crash has left an older
   * definition of it. When the first event was replayed, what was appended after it then is found again.
   *
   * @param places where it lives now, if that is not its own partition alone
   */
  private async removeElsewhere(
    { first, left }: Claim,
    event: BoardEvent,
    places: readonly PartitionKeys[] = [],
  ): Promise<void> {
    const { type: _, data, ...envelope } = event;
    const { board } = data;
    const removal: NewEvent<'BoardRemoved'> = { type: 'BoardRemoved', data: { board }, ...envelope };
    const { id } = first.ref;
    const elsewhere = this.topology.all('scores').filter(keys => !places.includes(keys));
    await Promise.all(
      elsewhere.map(async keys => {
        if (left.includes(keys) || (await this.isOlder(keys, board, id)))
          await this.log.copyTo(keys, removal, id);
        else if (first.replayed) await this.replayCopy(keys, removal, id);
      }),
    );
  }

  /** Whether a partition has a definition of the board that is older than an event. */
  private async isOlder(keys: PartitionKeys, board: string, than: EventId): Promise<boolean> {
    const { by } = parseDefinedBoard((await this.redis.hget(keys.definitions(), board)) ?? '');
    return by !== undefined && compareEventIds(by, than) < 0;
  }

  /** Finds a copy that was appended before, if it was. */
  private async replayCopy(keys: PartitionKeys, event: BoardEvent, first: EventId): Promise<void> {
    try {
      await this.log.copyTo(keys, event, first, { replayOnly: true });
    } catch (error) {
      if (!(error instanceof NotReplayedError)) throw error;
    }
  }

  /** Where a board lives besides its own partition. */
  private async placesOf(board: string, { definition }: DefinedBoard): Promise<PartitionKeys[]> {
    const { source, shards } = definition;
    if (source === undefined) return shardsOf(this.topology, board, shards).slice(1);
    const { definition: counted } = await readDefined(this.redis, this.topology, source);
    return shardsOf(this.topology, source, counted.shards);
  }

  private remember(board: string, known: DefinedBoard): DefinedBoard {
    if (known.by) this.remembered.set(board, known);
    else this.remembered.delete(board);
    return known;
  }

  private homeOf(board: string): PartitionKeys {
    return this.topology.of('scores', board);
  }
}

/** Nobody may have defined the board meanwhile; and what would change its shards is only answered, if it was there before. */
function conditions({ type, data }: BoardEvent, known: DefinedBoard): AppendOptions {
  const isFixed =
    type === 'BoardDefined' &&
    known.by &&
    (data as BoardDefined).definition.shards !== known.definition.shards;
  return { definedBy: definedBy(known), ...(isFixed && { replayOnly: true }) };
}

/** Of an event and its copies, what means that all of them are applied. */
function inAll(events: readonly Appended[], { replayed }: Appended): Appended {
  const [only, ...others] = events as [Appended];
  if (others.length === 0) return { ...only, replayed };
  const [id] = events.map(({ ref }) => ref.id).sort((a, b) => compareEventIds(b, a)) as [EventId];
  return { ref: { stream: only.ref.stream, partition: 'all', id }, replayed };
}
