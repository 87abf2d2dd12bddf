import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { InvalidCursorError, type Topology } from '#libs/event-log';
import type { BoardDefinition } from '#libs/events';
import { LiveState, readFields } from '#libs/projections';
import { type RedisClient } from '#libs/redis';
import { InvalidPeriodError, periodsOf } from '../definitions/periods.js';
import { LeaderboardRules } from '../definitions/rules.js';
import { playerField } from '../definitions/rules-fields.js';
import { BoardChangedError, BoardMovedError, CursorPeriodError, ShardsDisagreeError } from '../errors.js';
import { leaderboards } from '../ranking/leaderboard.store.js';
import { parsePosition } from '../ranking/position.js';
import { memberOf, rankScore } from '../ranking/ranks.js';
import { BoardNames } from './board-names.js';
import type { BoardQuery } from './board-query.js';
import {
  type BoardWindow,
  CURRENT_PERIOD,
  type RankedEntry,
  type Reply,
  toReply,
  toWindow,
} from './board-reply.js';
import { type CachedBoard, currentPeriod, parseCachedBoard, UNKNOWN_BOARD } from './known-board.js';
import { comparePlaces } from './shard-merge.js';
import { ShardedReader } from './sharded.reader.js';
import { MAX_CALL_PLAYERS, UnshardedReader, type WindowRequest } from './unsharded.reader.js';

/** Where a window is: from an index on, after a cursor, or with a player or a score in the middle. */
export type WindowStart =
  | { readonly offset: number }
  | { readonly after: string }
  | { readonly around: string }
  | { readonly score: number };

export interface WindowQuery {
  readonly from: WindowStart;
  /** The maximum number of entries. Near the ends of the board, the player or score is not in the middle. */
  readonly length: number;
  /** `current`, `previous`, or the id of a period. With a cursor, which contains its period, only that one is valid. */
  readonly period?: string | undefined;
  /** Only the best entries, up to this percentage of the board, are considered. */
  readonly topPercent?: number | undefined;
}

export interface ListedBoard {
  readonly board: string;
  readonly definition: BoardDefinition;
  readonly period: string;
  readonly total: number;
}

const MAX_CACHED_BOARDS = 10_000;
/** Each attempt fails only if the cached definition or period was out of date again. */
const MAX_ATTEMPTS = 8;

/** How often, and for how long, a read waits until all shards have a new definition. */
const SHARDS_RETRY_MS = 10;
const SHARDS_TIMEOUT_MS = 1_000;

/** Each attempt fails only if a period ended during the lookup. */
const MAX_LOOKUP_ATTEMPTS = 3;

/** Reads leaderboards. Each answer is of one moment, or, for a board with shards, of one moment per shard. */
export class LeaderboardReader {
  private readonly live: LiveState;
  private readonly sharded: ShardedReader;
  private readonly unsharded: UnshardedReader;
  private readonly known = new LRUCache<string, CachedBoard>({ max: MAX_CACHED_BOARDS });
  private readonly names: BoardNames;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, leaderboards.name);
    this.names = new BoardNames(redis, topology);
    this.sharded = new ShardedReader(redis, this.live, topology);
    this.unsharded = new UnshardedReader(redis, this.live, topology);
  }

  /**
   * The window is empty if the player in its middle is not on the board.
   *
   * @throws InvalidCursorError, InvalidPeriodError, PeriodExpiredError, CursorPeriodError
   * @throws ShardsDisagreeError while the board's shards have definitions that rank differently
   */
  async read(board: string, { from, length, period, topPercent = 100 }: WindowQuery): Promise<BoardWindow> {
    const at = (place: BoardQuery['from']) => ({ from: place, length, topPercent });
    if ('score' in from)
      return this.select(board, period ?? CURRENT_PERIOD, definition =>
        at({ score: rankScore(from.score, definition) }),
      );
    if (!('after' in from)) return this.select(board, period ?? CURRENT_PERIOD, () => at(from));
    const { period: own = CURRENT_PERIOD, ...after } = parsePosition(from.after);
    const window = await this.select(board, period ?? own, () => at({ after })).catch(error => {
      throw period === undefined && error instanceof InvalidPeriodError ? new InvalidCursorError() : error;
    });
    if (window.period !== own) throw new CursorPeriodError(window.period, own);
    return window;
  }

  /** The entries of the players in rank order. Players without an entry are left out. */
  async lookup(
    board: string,
    players: readonly string[],
    period: string = CURRENT_PERIOD,
  ): Promise<BoardWindow> {
    const names = [...new Set(players)];
    for (let attempt = 1; ; attempt++) {
      const windows: BoardWindow[] = [];
      // A long list takes several calls, and each of them is of one moment.
      for (let at = 0; at === 0 || at < names.length; at += MAX_CALL_PLAYERS) {
        const from = { players: names.slice(at, at + MAX_CALL_PLAYERS) };
        windows.push(await this.select(board, period, () => ({ from, length: 0, topPercent: 100 })));
      }
      const [first] = windows as [BoardWindow];
      if (windows.length === 1) return first;
      const isOnePeriod = windows.every(window => window.period === first.period);
      if (isOnePeriod || attempt === MAX_LOOKUP_ATTEMPTS) return inRankOrder(windows);
    }
  }

  /** Boards in alphabetical order, from the first one after `after`. */
  async boards(after: string | undefined, limit: number): Promise<{ boards: ListedBoard[]; next?: string }> {
    const names = await this.names.page(after, limit + 1);
    const page = names.slice(0, limit);
    const boards = await Promise.all(page.map(board => this.find(board)));
    const next = names.length > limit ? page.at(-1) : undefined;
    return { boards: boards.flatMap(board => board ?? []), ...(next !== undefined && { next }) };
  }

  /** The player's current entries on the given boards. */
  async entriesOf(
    player: string,
    boards: readonly string[],
  ): Promise<(ListedBoard & { readonly entry: RankedEntry })[]> {
    const all = await Promise.all(
      boards.map(async board => {
        const { definition, entries, ...window } = await this.lookup(board, [player]);
        const [entry] = entries;
        return definition && entry ? [{ board, definition, ...window, entry }] : [];
      }),
    );
    return all.flat();
  }

  /** A board without its entries; undefined if it does not exist. */
  async find(board: string): Promise<ListedBoard | undefined> {
    const { definition, period, total } = await this.read(board, { from: { offset: 0 }, length: 0 });
    return definition && { board, definition, period, total };
  }

  async isBanned(player: string): Promise<boolean> {
    const field = playerField(player);
    const [keys] = this.topology.all('scores');
    if (!keys) return false;
    const [text] = await this.live.read(readFields, keys, state => [state.rules()], [field]);
    return new LeaderboardRules({ [field]: text ?? undefined }).isBanned(player);
  }

  private async select(
    board: string,
    asked: string,
    queryOf: (definition: BoardDefinition) => BoardQuery,
  ): Promise<BoardWindow> {
    let clock = Date.now();
    const deadline = performance.now() + SHARDS_TIMEOUT_MS;
    for (let attempt = 0; ; attempt++) {
      const known = this.known.get(board) ?? UNKNOWN_BOARD;
      const period = resolvePeriod(known.definition, asked, clock);
      try {
        const id = period instanceof InvalidPeriodError ? undefined : period;
        const reply = await this.ask({ board, known, period: id, query: queryOf(known.definition) });
        // The definition was up to date, so the period is really invalid.
        if (period instanceof InvalidPeriodError) throw period;
        // The current period is decided by the log's clock, not by the clock of this machine.
        clock = reply[3];
        if (resolvePeriod(known.definition, asked, clock) === id) return toWindow(known, asked, id, reply);
      } catch (error) {
        if (error instanceof ShardsDisagreeError && performance.now() < deadline) {
          // The cached definition may be out of date. Forget it, so that the next attempt asks the home partition.
          this.known.delete(board);
          await delay(SHARDS_RETRY_MS);
          attempt = 0;
        } else if (!this.correctCache(board, known, error)) {
          throw error;
        }
      }
      // Only a part of the definition has been applied. Nobody has been told yet that the board exists.
      if (attempt === MAX_ATTEMPTS) return { period: CURRENT_PERIOD, total: 0, entries: [] };
    }
  }

  private async ask(asked: WindowRequest): Promise<Reply> {
    const { board, known, period, query } = asked;
    if (known.definition.shards === undefined) return this.unsharded.read(asked);
    return toReply(known, await this.sharded.read({ board, known, period }, query));
  }

  /** Updates the cached board from the error. @returns false if the error is of another kind */
  private correctCache(board: string, { source }: CachedBoard, error: unknown): boolean {
    // A partition that the board has left does not know where it is now, so the next attempt asks the home partition.
    if (error instanceof BoardMovedError)
      this.known.set(board, parseCachedBoard(source === undefined ? error.source : undefined, ''));
    else if (error instanceof BoardChangedError) this.known.set(board, parseCachedBoard(source, error.rules));
    else return false;
    return true;
  }
}

/** Merges the entries of several windows. */
function inRankOrder(windows: readonly BoardWindow[]): BoardWindow {
  const last = windows.at(-1) as BoardWindow;
  const { definition } = last;
  const entries = windows.flatMap(window => window.entries);
  if (!definition) return last;
  const placed = entries.map(entry => ({
    entry,
    score: rankScore(entry.score, definition),
    member: memberOf(entry.player, entry, definition),
  }));
  return { ...last, entries: placed.sort(comparePlaces).map(({ entry }) => entry) };
}

/** @returns the id of the period, undefined for a board that is never reset, or an error if the period is invalid */
function resolvePeriod(
  definition: BoardDefinition,
  asked: string,
  clock: number,
): string | undefined | InvalidPeriodError {
  const { reset, timezone } = definition;
  if (asked === CURRENT_PERIOD) return currentPeriod(definition, clock);
  if (reset === undefined) return new InvalidPeriodError(asked, CURRENT_PERIOD);
  const periods = periodsOf(reset, timezone);
  if (asked === 'previous') return periods.before(periods.at(clock));
  try {
    return periods.check(asked);
  } catch (error) {
    if (error instanceof InvalidPeriodError) return error;
    throw error;
  }
}
