import { InvalidCursorError, parseDefinedBoard, RecentlyUsed, type Topology } from '#libs/event-log';
import {
  type Attributes,
  type BoardDefinition,
  DEFAULT_DEFINITION,
  type EventId,
  KEPT_PERIODS,
} from '#libs/events';
import { Batched, BoardChangedError, BoardMovedError, type RedisClient, Script } from '#libs/redis';
import { LiveState } from '../live-state.js';
import { leaderboards, parseEntry } from './leaderboard.store.js';
import { InvalidPeriodError, periodsOf } from './periods.js';
import { formatPosition, parsePosition } from './position.js';
import { rankScore } from './ranks.js';
import { LeaderboardRules, parseBoard, playerField } from './rules.js';

/** The period of a board that is never reset. */
const CURRENT = 'current';

/** An entry with its rank, 1-based, by the board's ranking. */
export interface RankedEntry {
  readonly rank: number;
  /** How many entries have a better score. */
  readonly better: number;
  readonly player: string;
  readonly score: number;
  readonly attributes?: Attributes;
  /** The event in which the player reached the score. */
  readonly run: EventId;
}

/** Some entries of a board in one of its periods, of one moment. */
export interface BoardWindow {
  /** What the board is; nothing when there is no such board. */
  readonly definition?: BoardDefinition;
  /** The id of the period; `current` for a board that is never reset. */
  readonly period: string;
  /** Entries on the whole board. */
  readonly total: number;
  readonly entries: readonly RankedEntry[];
  /** Where the next window begins, when there is more below. */
  readonly next?: string;
}

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

/** A period that had scores once: newer ones took its place. */
export class PeriodExpiredError extends Error {
  readonly code = 'PERIOD_EXPIRED';
  override readonly name = 'PeriodExpiredError';

  constructor(period: string, kept: number) {
    super(
      `${period} is not kept any more: the board keeps ${kept} past periods; with a greater keepPeriods it comes back`,
    );
  }
}

type WindowReply = readonly [
  more: number,
  players: string[],
  ranks: number[],
  better: number[],
  runs: string[],
];

type BoardReply<Window> = readonly [
  rules: string,
  definition: string,
  periods: string,
  clock: number,
  total: number,
  window: Window,
];

type Reply = BoardReply<WindowReply>;

const readBoard = new Script<BoardReply<readonly WindowReply[]>>('read-board');
const readFields = new Script<(string | null)[]>('read-fields');
const listBoards = new Script<string[]>('list-boards');

/** What was last heard of a board. */
interface KnownBoard {
  readonly source: string | undefined;
  /** The event that defined it, as text. */
  readonly by: string;
  readonly definition: BoardDefinition;
}

/** Boards that are remembered, at most. */
const MAX_KNOWN = 10_000;
/** How often what is remembered can turn out to be past, in one read. */
const ATTEMPTS = 8;

/** Read in one call, at most: Redis does nothing else meanwhile. */
const CALL_WINDOWS = 32;

/** Which entries, as the script has it. */
type Selection = readonly [from: string, where: string | number, member: string, length: number];

/** What somebody asks for, and by what knowledge of the board. */
interface Asked {
  readonly board: string;
  readonly known: KnownBoard;
  readonly period: string | undefined;
  readonly selection: readonly [...Selection, topPercent: number];
}

/** Reads leaderboards. Each answer is of one moment. */
export class LeaderboardReader {
  private readonly live: LiveState;
  private readonly known = new RecentlyUsed<KnownBoard>(MAX_KNOWN);
  private readonly batched = new Batched<Asked, Reply>(asked => this.run(asked), CALL_WINDOWS);

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, leaderboards.name);
  }

  /**
   * A window is empty when what it is around is not on the board.
   *
   * @throws InvalidCursorError, InvalidPeriodError, PeriodExpiredError
   */
  read(
    board: string,
    { from, length, period = CURRENT, topPercent = 100 }: WindowQuery,
  ): Promise<BoardWindow> {
    if ('offset' in from)
      return this.select(board, period, topPercent, () => ['offset', from.offset, '', length]);
    if ('around' in from)
      return this.select(board, period, topPercent, () => ['around', from.around, '', length]);
    if ('score' in from) {
      return this.select(board, period, topPercent, definition => [
        'score',
        rankScore(from.score, definition),
        '',
        length,
      ]);
    }
    const { score, member, period: own = CURRENT } = parsePosition(from.after);
    return this.select(board, own, topPercent, () => ['after', score, member, length]).catch(error => {
      throw error instanceof InvalidPeriodError ? new InvalidCursorError() : error;
    });
  }

  /** The players' entries in rank order, without those who have none. */
  lookup(board: string, players: readonly string[], period: string = CURRENT): Promise<BoardWindow> {
    const names = JSON.stringify([...new Set(players)]);
    return this.select(board, period, 100, () => ['players', names, '', 0]);
  }

  /** Boards in the order of their names, from the first one after `after`. */
  async boards(after: string | undefined, limit: number): Promise<{ boards: ListedBoard[]; next?: string }> {
    const names = (await this.names()).filter(name => after === undefined || name > after);
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

  private async names(): Promise<string[]> {
    const names = await Promise.all(
      this.topology
        .all('scores')
        .map(keys => this.live.read(listBoards, keys, state => [state.rules(), keys.definitions()], [])),
    );
    return [...new Set(names.flat())].sort();
  }

  private async select(
    board: string,
    asked: string,
    topPercent: number,
    selection: (definition: BoardDefinition) => Selection,
  ): Promise<BoardWindow> {
    let clock = Date.now();
    for (let attempt = 0; ; attempt++) {
      const known = this.known.get(board) ?? UNKNOWN;
      const period = resolve(known.definition, asked, clock);
      try {
        const id = period instanceof InvalidPeriodError ? undefined : period;
        const which = [...selection(known.definition), topPercent] as const;
        const together = `${board}/${id} ${known.by} ${known.source}`;
        const reply = await this.batched.ask({ board, known, period: id, selection: which }, together);
        // The definition is the one that holds: so much for the period.
        if (period instanceof InvalidPeriodError) throw period;
        // The period that is current is so by the log's clock, not by this machine's.
        clock = reply[3];
        if (resolve(known.definition, asked, clock) === id) return toWindow(known, asked, id, reply);
      } catch (error) {
        if (!this.correct(board, known, error)) throw error;
      }
      // Defined by half: nobody was told that it is there.
      if (attempt === ATTEMPTS) return { period: CURRENT, total: 0, entries: [] };
    }
  }

  /** @param asked of one period of one board, by the same knowledge of it */
  private async run(asked: readonly Asked[]): Promise<Reply[]> {
    const [{ board, known, period }] = asked as [Asked];
    const { source, by, definition } = known;
    const { tieBreak, ranking, maxEntries = 0 } = definition;
    const keys = this.topology.of('scores', source ?? board);
    // Many who look at the same page are one.
    const places = new Map<string, number>();
    const selections: Asked['selection'][] = [];
    const placeOf = ({ selection }: Asked) => {
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
        state.ranks(board, period),
        state.runs(board, period),
        state.levels(board, period),
        state.rules(),
        keys.definitions(),
        keys.stream,
      ],
      [board, source ?? '-', by, tieBreak, ranking, maxEntries, ...selections.flat()],
    );
    return asking.map(place => [rules, defined, periods, clock, total, windows[place] as WindowReply]);
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

const UNKNOWN: KnownBoard = { source: undefined, by: '-', definition: DEFAULT_DEFINITION };

function parseKnown(source: string | undefined, rules: string): KnownBoard {
  const [by = ''] = rules.split(' ', 1);
  return { source, by: by || '-', definition: parseBoard(rules).definition };
}

/** The id of the period that a score would be in; nothing for a board that is never reset. */
function currentPeriod({ reset, timezone }: BoardDefinition, clock: number): string | undefined {
  return reset === undefined ? undefined : periodsOf(reset, timezone).at(clock);
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

function toWindow(known: KnownBoard, asked: string, period: string | undefined, reply: Reply): BoardWindow {
  const [rules, definition, text, clock, total, [more, players, ranks, better, runs]] = reply;
  const open = text === '' ? [] : text.split(' ');
  const { keepPeriods = KEPT_PERIODS } = known.definition;
  const isFull = open.length > keepPeriods;
  if (period !== undefined && isFull && period < (open[0] ?? '') && asked !== CURRENT && asked !== 'previous')
    throw new PeriodExpiredError(period, keepPeriods);
  const isThere = open.length > 0 || parseBoard(rules).state === 'here';
  // Defined, and not projected yet: it is as it will be, without entries.
  if (rules === '' && open.length === 0) {
    if (definition === '') return { period: CURRENT, total, entries: [] };
    const ahead = parseDefinedBoard(definition).definition;
    return { definition: ahead, period: currentPeriod(ahead, clock) ?? CURRENT, total, entries: [] };
  }
  const entries = runs.map(parseEntry);
  const last = entries.at(-1);
  return {
    ...(isThere && { definition: known.definition }),
    period: period ?? CURRENT,
    total,
    entries: entries.map(({ score, attributes, run }, i) => ({
      rank: ranks[i] ?? 0,
      better: better[i] ?? 0,
      player: players[i] ?? '',
      score,
      ...(attributes && { attributes }),
      run,
    })),
    ...(more === 1 && last && { next: formatPosition(last, players.at(-1) ?? '', known.definition, period) }),
  };
}
