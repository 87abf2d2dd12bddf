import { type BoardDefinition, DEFAULT_DEFINITION, DEFAULT_KEEP_PERIODS } from '#libs/events';
import { parseBoard } from '../definitions/rules.js';

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

/** Whether a period is older than the kept ones. @param open the kept periods with scores, oldest first */
export function isExpired(
  { keepPeriods = DEFAULT_KEEP_PERIODS }: BoardDefinition,
  open: readonly string[],
  period: string,
) {
  return open.length > keepPeriods && period < (open[0] ?? '');
}
