import {
  type BoardDefinition,
  compareEventIds,
  DEFAULT_DEFINITION,
  type EventId,
  type NewEvent,
} from '#libs/events';
import { DefinitionChangedError, NotReplayedError, type PartitionKeys, type RedisClient } from '#libs/redis';
import { type DefinedBoard, definedBy, parseDefinedBoard } from './defined-board.js';
import { type Appended, type AppendOptions, EventLog } from './event-log.js';
import { RecentlyUsed } from './recently-used.js';
import type { Topology } from './topology.js';

/** Boards that are remembered, at most. */
const REMEMBERED = 10_000;
/** Others may define the same board at the same time, and win this often. */
const ATTEMPTS = 5;

/** Who changes a board, and what else goes with the event. */
export type Envelope = Pick<NewEvent, 'actor' | 'trace' | 'idempotencyKey'>;

/** The first event, and the partition of the source that the board had until then. */
interface Claim {
  readonly first: Appended;
  readonly left?: PartitionKeys;
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
    return this.correct(board, (await this.redis.hget(this.homeOf(board).definitions(), board)) ?? '');
  }

  /** @param text the definition as it stands beside the log; empty when there is none */
  correct(board: string, text: string): DefinedBoard {
    const known = parseDefinedBoard(text);
    if (text === '') this.remembered.delete(board);
    else this.remembered.set(board, known);
    return known;
  }

  /** The boards, and those that count the scores of one of them. */
  async withDerived(boards: readonly string[]): Promise<string[]> {
    const places = new Set(boards.map(board => this.homeOf(board)));
    const definitions = await Promise.all([...places].map(keys => this.redis.hgetall(keys.definitions())));
    const derived = definitions.flatMap(Object.entries<string>).flatMap(([board, text]) => {
      const { source } = parseDefinedBoard(text).definition;
      return source !== undefined && boards.includes(source) ? [board] : [];
    });
    return [...new Set([...boards, ...derived])].sort();
  }

  /** Every board that is defined now. */
  async all(): Promise<Map<string, DefinedBoard>> {
    const boards = new Map<string, DefinedBoard>();
    await Promise.all(
      this.topology.all('scores').map(async keys => {
        for (const [board, text] of Object.entries(await this.redis.hgetall(keys.definitions()))) {
          // The partition of its source has it, too.
          if (this.homeOf(board) === keys) boards.set(board, parseDefinedBoard(text));
        }
      }),
    );
    return boards;
  }

  /**
   * Defines a board, or defines it anew.
   *
   * Its own partition has the event first, and names are taken there. The partition of its source, where it lives,
   * has a copy, and one where it lived before learns that it left. A crash in between leaves a board that is not
   * where it is said to be; the same once more puts it right, as does any other definition.
   *
   * @returns the event that, once applied, means that the board is what was asked for
   * @throws IdempotencyConflictError
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
    const { first } = claim;
    const { source } = definition;
    const place = source === undefined ? undefined : this.topology.of('scores', source);
    const [placed] = await Promise.all([
      place && this.log.copyTo(place, event, first.ref.id),
      this.removeElsewhere(claim, event, place),
    ]);
    return placed ? { ...placed, replayed: first.replayed } : first;
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

  /** Appends the first event, where the name is taken. */
  private async claim(event: BoardEvent, options?: AppendOptions): Promise<Claim> {
    const { board } = event.data;
    let known = await this.find(board);
    for (let attempt = 1; ; attempt++) {
      try {
        const first = await this.log.append(event, { ...options, definedBy: definedBy(known) });
        const { source } = known.definition;
        await this.find(board);
        // A replayed event says nothing of what was before it.
        return first.replayed || source === undefined
          ? { first }
          : { first, left: this.topology.of('scores', source) };
      } catch (error) {
        if (!(error instanceof DefinitionChangedError) || attempt === ATTEMPTS) throw error;
        known = this.correct(board, error.text);
      }
    }
  }

  /**
   * Removes a board from where it lives no more: where it lived until now, and wherever a crash has left an older
   * definition of it. When the first event was replayed, what was appended after it then is found again.
   *
   * @param place where it lives now, if that is not its own partition alone
   */
  private async removeElsewhere(
    { first, left }: Claim,
    event: BoardEvent,
    place?: PartitionKeys,
  ): Promise<void> {
    const { type: _, data, ...envelope } = event;
    const { board } = data;
    const removal: NewEvent<'BoardRemoved'> = { type: 'BoardRemoved', data: { board }, ...envelope };
    const { id } = first.ref;
    const elsewhere = this.topology.all('scores').filter(keys => keys !== place);
    await Promise.all(
      elsewhere.map(async keys => {
        if (keys === left || (await this.isOlder(keys, board, id))) await this.log.copyTo(keys, removal, id);
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

  private homeOf(board: string): PartitionKeys {
    return this.topology.of('scores', board);
  }
}
