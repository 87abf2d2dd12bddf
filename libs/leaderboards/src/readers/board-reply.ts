import { type Attributes, type BoardDefinition, DEFAULT_KEEP_PERIODS, type EventId } from '#libs/events';
import { parseDefinedBoard } from '../definitions/defined-board.js';
import { type PeriodSpan, periodsOf } from '../definitions/periods.js';
import { parseBoard } from '../definitions/rules-fields.js';
import { parseEntry } from '../ranking/leaderboard.store.js';
import { formatPosition } from '../ranking/position.js';
import { prefixLengthOf } from '../ranking/tie-break.js';
import { type CachedBoard, currentPeriod, isExpired } from './known-board.js';
import type { ShardedAnswer } from './shard-replies.js';

/** What clients call the period of now, and the only period of a board that is never reset. */
export const CURRENT_PERIOD = 'current';

/** A board entry with its rank. */
export interface RankedEntry {
  /** 1-based, by the board's ranking. */
  readonly rank: number;
  /** How many entries have a better score. */
  readonly better: number;
  readonly player: string;
  readonly score: number;
  readonly attributes?: Attributes;
  /** The event in which the player reached the score. */
  readonly run: EventId;
  /** When the score was reached, in milliseconds since 1970, if the id of the event has another time. */
  readonly at?: number;
}

/** Some entries of a board in one period, read at one moment. */
export interface BoardWindow {
  /** Undefined if there is no such board. */
  readonly definition?: BoardDefinition;
  /** The id of the period; `current` for a board that is never reset. */
  readonly period: string;
  /** Undefined for a board that is never reset. */
  readonly span?: PeriodSpan;
  /** The id of the period before this one, if the board keeps it. */
  readonly previous?: string;
  /** Entries on the whole board. */
  readonly total: number;
  readonly entries: readonly RankedEntry[];
  /** The cursor of the next window, if there are more entries. */
  readonly next?: string;
}

/** A period whose entries were removed because the board keeps only newer ones. */
export class PeriodExpiredError extends Error {
  readonly code = 'PERIOD_EXPIRED';
  override readonly name = 'PeriodExpiredError';

  constructor(period: string, kept: number) {
    super(
      `the period ${period} is no longer kept: the board keeps ${kept} past periods. Increase keepPeriods to get it back`,
    );
  }
}

export type WindowReply = readonly [
  more: number,
  players: string[],
  ranks: number[],
  better: number[],
  /** Null from the point where the runs are too large for one call. */
  runs: (string | null)[],
];

export type BoardReply<Window> = readonly [
  rules: string,
  definition: string,
  periods: string,
  clock: number,
  total: number,
  window: Window,
];

export type Reply = BoardReply<WindowReply>;

/** Converts the answer of a board with shards to the reply of a board without shards. */
export function toReply({ definition: { tieBreak, ranking } }: CachedBoard, answer: ShardedAnswer): Reply {
  const { rules, definition, periods, clock, total, more, entries } = answer;
  const prefix = prefixLengthOf(tieBreak);
  const window: WindowReply = [
    more ? 1 : 0,
    entries.map(({ member }) => member.slice(prefix)),
    entries.map(({ index, better }) => 1 + (ranking === 'ordinal' ? index : better)),
    entries.map(({ better }) => better),
    entries.map(({ run }) => run),
  ];
  return [rules, definition, periods.join(' '), clock, total, window];
}

/** A derived board is stored with the shards of its source, which are not part of its own definition. */
function visibleDefinition(definition: BoardDefinition): BoardDefinition {
  const { shards: _, ...own } = definition;
  return definition.source === undefined ? definition : own;
}

/** The period, its span, and the one before. @param open the kept periods with scores, oldest first */
function calendarOf(
  definition: BoardDefinition,
  period: string | undefined,
  open: readonly string[],
  current = '',
): Pick<BoardWindow, 'period' | 'span' | 'previous'> {
  const { reset, timezone } = definition;
  if (period === undefined || reset === undefined) return { period: CURRENT_PERIOD };
  const periods = periodsOf(reset, timezone);
  const previous = periods.before(period);
  const isKept = !isExpired(definition, open, current, previous);
  return { period, span: periods.span(period), ...(isKept && { previous }) };
}

export function toWindow(
  known: CachedBoard,
  asked: string,
  period: string | undefined,
  reply: Reply,
): BoardWindow {
  const [rules, definition, text, clock, total, [more, players, ranks, better, runs]] = reply;
  const open = text === '' ? [] : text.split(' ');
  const { keepPeriods = DEFAULT_KEEP_PERIODS } = known.definition;
  const current = currentPeriod(known.definition, clock) ?? '';
  if (period !== undefined && asked !== CURRENT_PERIOD && isExpired(known.definition, open, current, period))
    throw new PeriodExpiredError(period, keepPeriods);
  const isThere = open.length > 0 || parseBoard(rules).state === 'here';
  // The board is defined, and the projection has not applied that yet: return it without entries.
  if (rules === '' && open.length === 0) {
    const { definedBy, definition: coming } = parseDefinedBoard(definition);
    if (!definedBy) return { period: CURRENT_PERIOD, total, entries: [] };
    const now = currentPeriod(coming, clock);
    return { definition: visibleDefinition(coming), ...calendarOf(coming, now, [], now), total, entries: [] };
  }
  const entries = runs.map(run => parseEntry(run ?? ''));
  const last = entries.at(-1);
  return {
    ...(isThere && { definition: visibleDefinition(known.definition) }),
    ...calendarOf(known.definition, period, open, current),
    total,
    entries: entries.map(({ score, attributes, run, at }, i) => ({
      rank: ranks[i] ?? 0,
      better: better[i] ?? 0,
      player: players[i] ?? '',
      score,
      ...(attributes && { attributes }),
      run,
      ...(at !== undefined && { at }),
    })),
    ...(more === 1 && last && { next: formatPosition(last, players.at(-1) ?? '', known.definition, period) }),
  };
}
