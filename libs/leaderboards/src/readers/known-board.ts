import { type BoardDefinition, DEFAULT_DEFINITION, DEFAULT_KEEP_PERIODS } from '#libs/events';
import { parseBoard } from '../definitions/rules.js';

/** What was last heard of a board. */
export interface KnownBoard {
  readonly source: string | undefined;
  /** The event that defined it, as text. */
  readonly by: string;
  readonly definition: BoardDefinition;
}

export const UNKNOWN: KnownBoard = { source: undefined, by: '-', definition: DEFAULT_DEFINITION };

export function parseKnown(source: string | undefined, rules: string): KnownBoard {
  const [by = ''] = rules.split(' ', 1);
  return { source, by: by || '-', definition: parseBoard(rules).definition };
}

/** Whether a period had scores once, and newer ones took its place. @param open the periods with scores, in their order */
export function isExpired(
  { keepPeriods = DEFAULT_KEEP_PERIODS }: BoardDefinition,
  open: readonly string[],
  period: string,
) {
  return open.length > keepPeriods && period < (open[0] ?? '');
}
