import { type Attributes, type BoardDefinition, DEFAULT_KEEP_PERIODS, type EventId } from '#libs/events';
import { parseDefinedBoard } from '../definitions/defined-board.js';
import { periodsOf } from '../definitions/periods.js';
import { parseBoard } from '../definitions/rules.js';
import { parseEntry } from '../ranking/leaderboard.store.js';
import { formatPosition } from '../ranking/position.js';
import { prefixLengthOf } from '../ranking/tie-break.js';
import { isExpired, type KnownBoard } from './known-board.js';
import type { ShardedAnswer } from './sharded.reader.js';

/** The period of a board that is never reset. */
export const CURRENT = 'current';

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
  /** When, in milliseconds, where that is not the time of the event's id. */
  readonly at?: number;
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

export type WindowReply = readonly [
  more: number,
  players: string[],
  ranks: number[],
  better: number[],
  /** Nothing from where on they were too much for one call. */
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

/** As a board answers that is in one place. */
export function toReply({ definition: { tieBreak, ranking } }: KnownBoard, answer: ShardedAnswer): Reply {
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

/** The id of the period that a score would be in; nothing for a board that is never reset. */
export function currentPeriod({ reset, timezone }: BoardDefinition, clock: number): string | undefined {
  return reset === undefined ? undefined : periodsOf(reset, timezone).at(clock);
}

/** A board with a source has its source's shards. */
function shown(definition: BoardDefinition): BoardDefinition {
  const { shards: _, ...own } = definition;
  return definition.source === undefined ? definition : own;
}

export function toWindow(
  known: KnownBoard,
  asked: string,
  period: string | undefined,
  reply: Reply,
): BoardWindow {
  const [rules, definition, text, clock, total, [more, players, ranks, better, runs]] = reply;
  const open = text === '' ? [] : text.split(' ');
  const { keepPeriods = DEFAULT_KEEP_PERIODS } = known.definition;
  const isByName = period !== undefined && asked !== CURRENT && asked !== 'previous';
  if (isByName && isExpired(known.definition, open, period))
    throw new PeriodExpiredError(period, keepPeriods);
  const isThere = open.length > 0 || parseBoard(rules).state === 'here';
  // Defined, and not projected yet: it is as it will be, without entries.
  if (rules === '' && open.length === 0) {
    const { by, definition: ahead } = parseDefinedBoard(definition);
    if (!by) return { period: CURRENT, total, entries: [] };
    return { definition: shown(ahead), period: currentPeriod(ahead, clock) ?? CURRENT, total, entries: [] };
  }
  const entries = runs.map(run => parseEntry(run ?? ''));
  const last = entries.at(-1);
  return {
    ...(isThere && { definition: shown(known.definition) }),
    period: period ?? CURRENT,
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
