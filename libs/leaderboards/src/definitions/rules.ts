import { isDeepStrictEqual } from 'node:util';
import {
  type AttributeFilter,
  type Attributes,
  type BoardDefinition,
  compareEventIds,
  DEFAULT_KEEP_PERIODS,
  type EventId,
  type RecordedEvent,
  timeOf,
} from '#libs/events';
import type { RulesFields, StateKeys, Target } from '#libs/projections';
import { runsKey } from '../keys.js';
import { type Periods, periodsOf } from './periods.js';
import {
  type Ban,
  type BoardRules,
  parseBan,
  parseBoard,
  playerField,
  UNDEFINED_BOARD,
} from './rules-fields.js';

/** Stands for the period in the rules of a board that is never reset. */
export const NO_PERIOD = '-';

/** A board that counts the scores of a certain board: that board itself, or one derived from it. */
interface CountingBoard extends BoardRules {
  readonly board: string;
  readonly periods: Periods | undefined;
}

/** The definitions, periods, revocations, and bans of a partition, stored as fields of a hash. */
export class LeaderboardRules {
  private readonly boards = new Map<string, BoardRules>();
  /** The periods in which a board has scores, oldest first. */
  private readonly periods = new Map<string, readonly string[]>();
  private readonly bans = new Map<string, Ban>();
  private readonly revocations = new Map<string, number>();
  private readonly countingBoards = new Map<string, readonly CountingBoard[]>();

  /**
   * @param finalRules in a replay, the rules that are expected to hold at the end; scores are folded under these
   * @param replayedBoards the boards that are replayed, if not all; events of other boards may be missing
   */
  constructor(
    fields: RulesFields,
    private readonly finalRules?: LeaderboardRules,
    private readonly replayedBoards?: readonly string[],
  ) {
    for (const [field, text] of Object.entries(fields)) this.set(field, text);
  }

  get isReplay(): boolean {
    return this.finalRules !== undefined;
  }

  /** The definition under which scores are folded. */
  definitionOf(board: string): BoardDefinition {
    return (this.finalRules ?? this).board(board).definition;
  }

  /** The rules of the board after the events applied so far. */
  board(board: string): BoardRules {
    return this.boards.get(board) ?? UNDEFINED_BOARD;
  }

  periodsOf(board: string): readonly string[] {
    return this.periods.get(board) ?? [];
  }

  isKnown(board: string): boolean {
    return this.boards.has(board) || this.periods.has(board);
  }

  /** The entries that a score can change: one for each board that counts it. */
  targets(event: RecordedEvent<'ScoreSubmitted'>, keys: StateKeys): Target[] {
    const { id, data } = event;
    const targets: Target[] = [];
    for (const { board, definition, countsAfter, sourceCountsAfter, periods } of this.boardsCounting(
      data.board,
    )) {
      const removal = board === data.board ? countsAfter : sourceCountsAfter;
      if (removal && compareEventIds(id, removal) <= 0) continue;
      if (definition.filter && !passesFilter(definition.filter, data.attributes)) continue;
      const period = periods?.at(timeOf(event));
      if (period !== undefined && this.isExpired(board, period)) continue;
      targets.push({ address: { key: runsKey(keys, board, period), field: data.player }, board, period });
    }
    return targets;
  }

  /** The player's entries in all periods: those of `source` and its derived boards, or of all boards if there is no `source`. */
  entryTargets(player: string, keys: StateKeys, source?: string): Target[] {
    const boards =
      source === undefined ? [...this.periods.keys()] : this.boardsCounting(source).map(({ board }) => board);
    return boards.flatMap(board =>
      this.periodsOf(board).map(name => {
        const period = name === NO_PERIOD ? undefined : name;
        return { address: { key: runsKey(keys, board, period), field: player }, board, period };
      }),
    );
  }

  hasPeriod(board: string, period = NO_PERIOD): boolean {
    const open = this.periods.get(board);
    return open !== undefined && (open.at(-1) === period || open.includes(period));
  }

  /** The periods of the board after `period` is added, and the periods that then expire. */
  withPeriod(board: string, period = NO_PERIOD): { open: readonly string[]; expired: readonly string[] } {
    const all = [...this.periodsOf(board), period].sort();
    const excess = Math.max(0, all.length - this.keptPeriods(board) - 1);
    return { open: all.slice(excess), expired: all.slice(0, excess) };
  }

  isBanned(player: string): boolean {
    return this.bans.get(player)?.banned === true;
  }

  revocationsOf(board: string, player: string): number {
    // Called for every score, and usually there are no revocations at all.
    return this.revocations.size === 0 ? 0 : (this.revocations.get(`${board}/${player}`) ?? 0);
  }

  /** The fields of the rules hash about the player. */
  playerFields(player: string): string[] {
    const places = [...this.revocations.keys()].filter(place => place.endsWith(`/${player}`));
    return [...(this.bans.has(player) ? [playerField(player)] : []), ...places.map(place => `r:${place}`)];
  }

  /** Whether an event is newer than the last ban or unban of the player. */
  isNewerBan(player: string, by: EventId): boolean {
    return isAfter(by, this.bans.get(player)?.by);
  }

  /** True if, after a replay, the replayed boards have rules that make the same entries as the assumed ones. */
  get assumptionHeld(): boolean {
    const boards = this.replayedBoards ?? [...this.boards.keys(), ...(this.finalRules?.boards.keys() ?? [])];
    return boards.every(board => makesSameEntries((this.finalRules ?? this).board(board), this.board(board)));
  }

  /** @returns in a replay, the fields of boards whose definition is assumed from now on; before, nothing was assumed about them */
  apply(fields: RulesFields): RulesFields {
    return Object.fromEntries(
      Object.entries(fields).filter(([field, text]) => {
        const isAssumedNow = field[0] === 'b' && this.canAssume(field.slice(2), text);
        if (isAssumedNow) this.finalRules?.set(field, text);
        this.set(field, text);
        return isAssumedNow;
      }),
    );
  }

  /** A board without scores has no folded state, so its definition can be assumed from now on. */
  private canAssume(name: string, text: string | undefined): boolean {
    if (!this.finalRules || this.finalRules.boards.has(name)) return false;
    const { source = name } = parseBoard(text ?? '').definition;
    // If the source is not replayed, its scores may have been skipped, since no replayed board counted them.
    const isRead = source === name || !this.replayedBoards || this.replayedBoards.includes(source);
    const concerned = [name, source, ...this.boardsCounting(name).map(({ board }) => board)];
    return isRead && !concerned.some(other => this.isKnown(other));
  }

  private set(field: string, text: string | undefined): void {
    const name = field.slice(2);
    switch (field[0]) {
      case 'b':
        this.boards.set(name, parseBoard(text ?? ''));
        this.countingBoards.clear();
        break;
      case 'q':
        if (text === undefined) this.periods.delete(name);
        else this.periods.set(name, text.split(' '));
        break;
      case 'p':
        if (text === undefined) this.bans.delete(name);
        else this.bans.set(name, parseBan(text));
        break;
      case 'r':
        if (text === undefined) this.revocations.delete(name);
        else this.revocations.set(name, Number(text));
    }
  }

  /** The boards in this partition that count the scores of another board. */
  derivedFrom(source: string): string[] {
    return [...this.boards].flatMap(([name, board]) =>
      name !== source && board.definition.source === source && isHere(board) ? [name] : [],
    );
  }

  private boardsCounting(source: string): readonly CountingBoard[] {
    const known = this.finalRules ?? this;
    let feeds = known.countingBoards.get(source);
    if (!feeds) {
      const { definition, state } = known.board(source);
      const hasOwn = definition.source === undefined && state !== 'left';
      feeds = [...known.derivedFrom(source), ...(hasOwn ? [source] : [])].map(name =>
        toCountingBoard(name, known.board(name)),
      );
      known.countingBoards.set(source, feeds);
    }
    return feeds;
  }

  private keptPeriods(board: string): number {
    return this.definitionOf(board).keepPeriods ?? DEFAULT_KEEP_PERIODS;
  }

  private isExpired(board: string, period: string): boolean {
    const open = this.periodsOf(board);
    return open.length > this.keptPeriods(board) && period < (open[0] ?? '');
  }
}

const isHere = ({ state }: BoardRules) => state === 'here';

function toCountingBoard(board: string, known: BoardRules): CountingBoard {
  const { reset, timezone } = known.definition;
  return { board, ...known, periods: reset === undefined ? undefined : periodsOf(reset, timezone) };
}

function passesFilter(filter: AttributeFilter, attributes: Attributes = {}): boolean {
  return Object.entries(filter).every(([name, wanted]) => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return value !== undefined && (Array.isArray(wanted) ? wanted.includes(value) : wanted === value);
  });
}

/** Whether the same scores make the same entries under both rules. */
export function makesSameEntries(a: BoardRules, b: BoardRules): boolean {
  return isDeepStrictEqual(entryRulesOf(a), entryRulesOf(b));
}

/** Whether entries under the two definitions can be ranked together. */
export function areComparable(a: BoardDefinition, b: BoardDefinition): boolean {
  const own = ({ order, operator, reset, timezone, tieBreak, source, filter }: BoardDefinition) => ({
    ...{ order, operator, reset, timezone, tieBreak, source, filter },
  });
  return isDeepStrictEqual(own(a), own(b));
}

function entryRulesOf({ countsAfter, sourceCountsAfter, state, definition }: BoardRules) {
  const { order, operator, reset, timezone, tieBreak, ranking, source, filter } = definition;
  // A removed board (`gone`) makes the same entries as the board that the next score would create.
  const counts =
    state === 'away' || state === 'left'
      ? 'nothing'
      : { source, filter, removal: source === undefined ? countsAfter : sourceCountsAfter };
  const keepPeriods = reset === undefined ? undefined : (definition.keepPeriods ?? DEFAULT_KEEP_PERIODS);
  const hasLevels = ranking === 'dense';
  return { order, operator, reset, timezone, keepPeriods, tieBreak, hasLevels, counts };
}

function isAfter(a: EventId, b: EventId | undefined): boolean {
  return !b || compareEventIds(a, b) > 0;
}
