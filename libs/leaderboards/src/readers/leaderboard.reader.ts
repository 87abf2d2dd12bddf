import { setTimeout as delay } from 'node:timers/promises';
import { InvalidCursorError, type PartitionKeys, type Topology } from '#libs/event-log';
import type { BoardDefinition } from '#libs/events';
import { LiveState, readFields, type StateKeys } from '#libs/projections';
import { Batched, RecentlyUsed, type RedisClient } from '#libs/redis';
import { InvalidPeriodError, periodsOf } from '../definitions/periods.js';
import { LeaderboardRules, playerField } from '../definitions/rules.js';
import { BoardChangedError, BoardMovedError, ShardsDisagreeError } from '../errors.js';
import { levelsKey, ranksKey, runsKey } from '../keys.js';
import { script } from '../lua.js';
import { leaderboards } from '../ranking/leaderboard.store.js';
import { parsePosition } from '../ranking/position.js';
import { memberOf, rankScore } from '../ranking/ranks.js';
import { BoardNames } from './board-names.js';
import {
  type BoardReply,
  type BoardWindow,
  CURRENT,
  currentPeriod,
  type RankedEntry,
  type Reply,
  toReply,
  toWindow,
  type WindowReply,
} from './board-reply.js';
import { type KnownBoard, parseKnown, UNKNOWN } from './known-board.js';
import { comparePlaces } from './shard-merge.js';
import { type BoardQuery, ShardedReader } from './sharded.reader.js';

/** Where a window is: from an index, behind a cursor, with a player in the middle, or with a score. */
export type WindowStart =
  | { readonly offset: number }
  | { readonly after: string }
  | { readonly around: string }
  | { readonly score: number };

export interface WindowQuery {
  readonly from: WindowStart;
  /** Entries, at most. At the board's ends, a window in the middle of which something is has more on the other side. */
  readonly length: number;
  /** `current`, `previous`, or the id of one; a cursor has its own. */
  readonly period?: string | undefined;
  /** Looks at so many per cent of the entries only, from the top. */
  readonly topPercent?: number | undefined;
}

export interface ListedBoard {
  readonly board: string;
  readonly definition: BoardDefinition;
  readonly period: string;
  readonly total: number;
}

const readBoard = script<BoardReply<readonly string[]>>('read-board');

/** Boards that are remembered, at most. */
const MAX_KNOWN = 10_000;
/** How often what is remembered can turn out to be past, in one read. */
const ATTEMPTS = 8;

/** Milliseconds between two looks at shards that are being defined anew, and for which one waits for that. */
const SHARDS_PAUSE = 10;
const SHARDS_PATIENCE = 1_000;

/** Windows that are read in one call, at most, and what they weigh: Redis does nothing else meanwhile. */
const CALL_WINDOWS = 32;
const CALL_WEIGHT = 1_000;
/** What it weighs to find one player's entry and its rank. */
const PLAYER_WEIGHT = 8;
/** Players that are looked up in one call, and runs that are read in one, at most: a run can have 17 KiB of attributes. */
const CALL_PLAYERS = 100;
/** How often a period can end while a list of players is looked up. */
const LOOKUP_ATTEMPTS = 3;

/** What somebody asks for, and by what knowledge of the board. */
interface Asked {
  readonly board: string;
  readonly known: KnownBoard;
  readonly period: string | undefined;
  readonly query: BoardQuery;
}

/** Reads leaderboards. Each answer is of one moment, or of one in each of a board's shards. */
export class LeaderboardReader {
  private readonly live: LiveState;
  private readonly sharded: ShardedReader;
  private readonly known = new RecentlyUsed<KnownBoard>(MAX_KNOWN);
  private readonly names: BoardNames;
  private readonly batched: Batched<Asked, Reply>;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, leaderboards.name);
    this.names = new BoardNames(redis, topology);
    this.sharded = new ShardedReader(redis, this.live, topology);
    this.batched = new Batched(redis, asked => this.run(asked), {
      items: CALL_WINDOWS,
      weigh: ({ query }) => weightOf(query),
      weight: CALL_WEIGHT,
    });
  }

  /**
   * A window is empty when what it is around is not on the board.
   *
   * @throws InvalidCursorError, InvalidPeriodError, PeriodExpiredError
   * @throws ShardsDisagreeError while the board's shards go by different definitions
   */
  read(
    board: string,
    { from, length, period = CURRENT, topPercent = 100 }: WindowQuery,
  ): Promise<BoardWindow> {
    const at = (place: BoardQuery['from']) => ({ from: place, length, topPercent });
    if ('score' in from)
      return this.select(board, period, definition => at({ score: rankScore(from.score, definition) }));
    if (!('after' in from)) return this.select(board, period, () => at(from));
    const { period: own = CURRENT, ...after } = parsePosition(from.after);
    return this.select(board, own, () => at({ after })).catch(error => {
      throw error instanceof InvalidPeriodError ? new InvalidCursorError() : error;
    });
  }

  /** The players' entries in rank order, without those who have none. */
  async lookup(board: string, players: readonly string[], period: string = CURRENT): Promise<BoardWindow> {
    const names = [...new Set(players)];
    for (let attempt = 1; ; attempt++) {
      const windows: BoardWindow[] = [];
      // A long list in several calls, one after the other: each of them is of one moment.
      for (let at = 0; at === 0 || at < names.length; at += CALL_PLAYERS) {
        const from = { players: names.slice(at, at + CALL_PLAYERS) };
        windows.push(await this.select(board, period, () => ({ from, length: 0, topPercent: 100 })));
      }
      const [first] = windows as [BoardWindow];
      if (windows.length === 1) return first;
      const isOnePeriod = windows.every(window => window.period === first.period);
      if (isOnePeriod || attempt === LOOKUP_ATTEMPTS) return inRankOrder(windows);
    }
  }

  /** Boards in the order of their names, from the first one after `after`. */
  async boards(after: string | undefined, limit: number): Promise<{ boards: ListedBoard[]; next?: string }> {
    const names = await this.names.page(after, limit + 1);
    const page = names.slice(0, limit);
    const boards = await Promise.all(page.map(board => this.find(board)));
    const next = names.length > limit ? page.at(-1) : undefined;
    return { boards: boards.flatMap(board => board ?? []), ...(next !== undefined && { next }) };
  }

  /** Those of the boards on which the player is now, with the entry. */
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

  /** What a board is; nothing when there is none. */
  async find(board: string): Promise<ListedBoard | undefined> {
    const { definition, period, total } = await this.read(board, { from: { offset: 0 }, length: 0 });
    return definition && { board, definition, period, total };
  }

  /** Whether the player is hidden from every board. */
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
    const deadline = performance.now() + SHARDS_PATIENCE;
    for (let attempt = 0; ; attempt++) {
      const known = this.known.get(board) ?? UNKNOWN;
      const period = resolve(known.definition, asked, clock);
      try {
        const id = period instanceof InvalidPeriodError ? undefined : period;
        const reply = await this.ask({ board, known, period: id, query: queryOf(known.definition) });
        // The definition is the one that holds: so much for the period.
        if (period instanceof InvalidPeriodError) throw period;
        // The period that is current is so by the log's clock, not by this machine's.
        clock = reply[3];
        if (resolve(known.definition, asked, clock) === id) return toWindow(known, asked, id, reply);
      } catch (error) {
        if (error instanceof ShardsDisagreeError && performance.now() < deadline) {
          // Perhaps it is what is remembered that is past: a shard does not know, the board's own partition does.
          this.known.delete(board);
          await delay(SHARDS_PAUSE);
          attempt = 0;
        } else if (!this.correct(board, known, error)) {
          throw error;
        }
      }
      // Defined by half: nobody was told that it is there.
      if (attempt === ATTEMPTS) return { period: CURRENT, total: 0, entries: [] };
    }
  }

  private async ask(asked: Asked): Promise<Reply> {
    const { board, known, period, query } = asked;
    if (known.definition.shards === undefined) {
      const together = `${board}/${period} ${known.by} ${known.source}`;
      return this.batched.ask(asked, this.topology.of('scores', known.source ?? board).stream, together);
    }
    return toReply(known, await this.sharded.read({ board, known, period }, query));
  }

  /** @param asked of one period of one board, by the same knowledge of it */
  private async run(asked: readonly Asked[]): Promise<Reply[]> {
    const [{ board, known, period }] = asked as [Asked];
    const { source, by, definition } = known;
    const { tieBreak, ranking, maxEntries = 0 } = definition;
    const keys = this.topology.of('scores', source ?? board);
    // Many who look at the same page are one.
    const places = new Map<string, number>();
    const selections: Selection[] = [];
    const placeOf = ({ query }: Asked) => {
      const selection = toSelection(query);
      const text = selection.join('/');
      const place = places.get(text) ?? selections.push(selection) - 1;
      places.set(text, place);
      return place;
    };
    const asking = asked.map(placeOf);
    const [rules, defined, periods, clock, total, windows] = await this.live.read(
      readBoard,
      keys,
      state => [
        ranksKey(state, board, period),
        runsKey(state, board, period),
        levelsKey(state, board, period),
        state.rules(),
        keys.definitions(),
        keys.stream,
      ],
      [board, source ?? '-', by, tieBreak, ranking, maxEntries, ...selections.flat()],
    );
    const read: WindowReply[] = [];
    for (const window of windows)
      read.push(await this.withAllRuns(JSON.parse(window), keys, state => runsKey(state, board, period)));
    return asking.map(place => [rules, defined, periods, clock, total, read[place] as WindowReply]);
  }

  /** Runs with much in their attributes are left out where there are many: they are read by a few at a time. */
  private async withAllRuns(
    window: WindowReply,
    keys: PartitionKeys,
    runsKey: (state: StateKeys) => string,
  ): Promise<WindowReply> {
    const [more, players, ranks, better, runs] = window;
    const first = runs.indexOf(null);
    if (first < 0) return window;
    const all = runs.slice(0, first);
    for (let at = first; at < players.length; at += CALL_PLAYERS) {
      const some = players.slice(at, at + CALL_PLAYERS);
      all.push(...(await this.live.read(readFields, keys, state => [runsKey(state)], some)));
    }
    // Who has gone from the board meanwhile is left out.
    const here = <T>(list: readonly T[]) => list.filter((_, i) => all[i] != null);
    return [more, here(players), here(ranks), here(better), here(all)];
  }

  /** @returns whether the error says what is true instead of what is remembered */
  private correct(board: string, { source }: KnownBoard, error: unknown): boolean {
    // A partition that does not have the board any more does not know where it is: its own one does.
    if (error instanceof BoardMovedError)
      this.known.set(board, parseKnown(source === undefined ? error.source : undefined, ''));
    else if (error instanceof BoardChangedError) this.known.set(board, parseKnown(source, error.rules));
    else return false;
    return true;
  }
}

type Selection = readonly [from: string, where: string | number, member: string, length: number, top: number];

/** What a query costs Redis, where a board is in one place. */
function weightOf({ from, length }: BoardQuery): number {
  return 'players' in from ? PLAYER_WEIGHT * from.players.length : length;
}

/** The entries of several windows as one list. */
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

/** Which entries, as the script has it. */
function toSelection({ from, length, topPercent }: BoardQuery): Selection {
  if ('offset' in from) return ['offset', from.offset, '', length, topPercent];
  if ('after' in from) return ['after', from.after.score, from.after.member, length, topPercent];
  if ('around' in from) return ['around', from.around, '', length, topPercent];
  if ('score' in from) return ['score', from.score, '', length, topPercent];
  return ['players', JSON.stringify(from.players), '', length, topPercent];
}

/** The period's id, nothing for a board that is never reset, or what is wrong with what was asked for. */
function resolve(
  definition: BoardDefinition,
  asked: string,
  clock: number,
): string | undefined | InvalidPeriodError {
  const { reset, timezone } = definition;
  if (asked === CURRENT) return currentPeriod(definition, clock);
  if (reset === undefined) return new InvalidPeriodError(asked, CURRENT);
  const periods = periodsOf(reset, timezone);
  if (asked === 'previous') return periods.before(periods.at(clock));
  try {
    return periods.check(asked);
  } catch (error) {
    if (error instanceof InvalidPeriodError) return error;
    throw error;
  }
}
