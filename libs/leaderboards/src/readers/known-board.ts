import { type BoardDefinition, DEFAULT_DEFINITION, DEFAULT_KEEP_PERIODS } from '#libs/events';
import { periodsOf } from '../definitions/periods.js';
import { parseBoard } from '../definitions/rules-fields.js';

/** What a reader remembers of a board. */
export interface CachedBoard {
  readonly source: string | undefined;
  /** The id of the event that defined the board, or `-`. */
  readonly definedBy: string;
  readonly definition: BoardDefinition;
}

export const UNKNOWN_BOARD: CachedBoard = {
  source: undefined,
  definedBy: '-',
  definition: DEFAULT_DEFINITION,
};

export function parseCachedBoard(source: string | undefined, rules: string): CachedBoard {
  const [definedBy = ''] = rules.split(' ', 1);
  return { source, definedBy: definedBy || '-', definition: parseBoard(rules).definition };
}

/** The id of the period that a score belongs to now. Undefined for a board that is never reset. */
export function currentPeriod({ reset, timezone }: BoardDefinition, clock: number): string | undefined {
  return reset === undefined ? undefined : periodsOf(reset, timezone).at(clock);
}

/**
 * Whether a period is older than the kept ones.
 *
 * @param open the kept periods with scores, oldest first
 * @param current the period of now. A board that keeps no past period may still have entries of the last one: they are
 * removed when a score of the new period is applied
 */
export function isExpired(
  { keepPeriods = DEFAULT_KEEP_PERIODS }: BoardDefinition,
  open: readonly string[],
  current: string,
  period: string,
): boolean {
  if (keepPeriods === 0) return period < current;
  return open.length > keepPeriods && period < (open[0] ?? '');
}
