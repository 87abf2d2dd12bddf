import type { AttributeFilter } from '../attributes.js';
import { asAttributeFilter, asEventId, asFiniteNumber, asOneOf, asString, optional } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';
import { type EventId, formatEventId } from '../event-id.js';

export const ORDERS = ['desc', 'asc'] as const;
export const OPERATORS = ['best', 'latest', 'sum'] as const;
export const TIE_BREAKS = ['first', 'last', 'none'] as const;
export const RANKINGS = ['standard', 'dense', 'ordinal'] as const;
export const SUBMITTERS = ['players', 'servers'] as const;

/** The rules of a board. `docs/leaderboards.md` describes each field. */
export interface BoardDefinition {
  readonly order: (typeof ORDERS)[number];
  readonly operator: (typeof OPERATORS)[number];
  /** When a new period starts: `daily`, `weekly`, `monthly`, or a cron expression. Unset: the board has a single endless period. */
  readonly reset?: string;
  /** The IANA time zone that `reset` is evaluated in. */
  readonly timezone?: string;
  /** Number of past periods to keep in addition to the current one. */
  readonly keepPeriods?: number;
  readonly tieBreak: (typeof TIE_BREAKS)[number];
  readonly ranking: (typeof RANKINGS)[number];
  /** Makes this a derived board: it counts the scores of this board. */
  readonly source?: string;
  /** Only scores whose attributes match count. */
  readonly filter?: AttributeFilter;
  readonly min?: number;
  readonly max?: number;
  readonly submit: (typeof SUBMITTERS)[number];
  /** How many board entries are listed and ranked, counted from rank 1. */
  readonly maxEntries?: number;
  /** Minimum number of seconds between two scores of the same player. */
  readonly minInterval?: number;
  /** Number of partitions the board is spread over, by player. Copies of a derived board carry the number of the source. */
  readonly shards?: number;
}

/** `keepPeriods` of definitions that leave it out. */
export const DEFAULT_KEEP_PERIODS = 100;

/** The definition of a board that was created by its first score. */
export const DEFAULT_DEFINITION: BoardDefinition = {
  order: 'desc',
  operator: 'best',
  tieBreak: 'first',
  ranking: 'standard',
  submit: 'players',
};

/**
 * An operator defined a board. The definition applies to all scores, earlier ones included.
 *
 * The original event goes to the board's own partition, which reserves the name. Other partitions that hold the board or
 * one of its shards get copies that carry the id of the original.
 */
export interface BoardDefined {
  readonly board: string;
  readonly definition: BoardDefinition;
  /** Only in copies: the id of the original event. */
  readonly first?: EventId;
  /**
   * Only in copies for shards: the id of the event that created the board (after its latest removal, if any). Whatever the
   * partition holds before the first copy with this id belongs to an earlier board of the same name.
   */
  readonly born?: EventId;
}

export const boardDefined: EventDefinition<BoardDefined> = {
  code: 'b1',
  stream: 'scores',
  subject: data => data.board,
  toCopy: (data, first) => ({ ...data, first }),
  pack: ({ board, definition, first, born }) => [
    board,
    definition,
    ...(first ? [formatEventId(first)] : []),
    ...(first && born ? [formatEventId(born)] : []),
  ],
  unpack: ([board, definition, first, born]) => ({
    board: asString(board, 'board'),
    definition: readDefinition(definition),
    ...(first != null && { first: asEventId(first, 'first') }),
    ...(born != null && { born: asEventId(born, 'born') }),
  }),
};

/**
 * Parses a stored definition. Missing fields get their defaults.
 *
 * @throws MalformedEventError when a field has the wrong type
 */
export function readDefinition(value: unknown): BoardDefinition {
  const given = { ...DEFAULT_DEFINITION, ...(value as object) } as Record<string, unknown>;
  return {
    order: asOneOf(ORDERS, given.order, 'order'),
    operator: asOneOf(OPERATORS, given.operator, 'operator'),
    ...optional(given, 'reset', asString),
    ...optional(given, 'timezone', asString),
    ...optional(given, 'keepPeriods', asFiniteNumber),
    tieBreak: asOneOf(TIE_BREAKS, given.tieBreak, 'tieBreak'),
    ranking: asOneOf(RANKINGS, given.ranking, 'ranking'),
    ...optional(given, 'source', asString),
    ...optional(given, 'filter', asAttributeFilter),
    ...optional(given, 'min', asFiniteNumber),
    ...optional(given, 'max', asFiniteNumber),
    submit: asOneOf(SUBMITTERS, given.submit, 'submit'),
    ...optional(given, 'maxEntries', asFiniteNumber),
    ...optional(given, 'minInterval', asFiniteNumber),
    ...optional(given, 'shards', asFiniteNumber),
  };
}

/** The text that the append script stores after the event id: the source (or `-`), a space, and the definition as JSON. */
export function definitionText(definition: BoardDefinition): string {
  return `${definition.source ?? '-'} ${JSON.stringify(definition)}`;
}
