import { attributeFilter, eventId, finiteNumber, oneOf, optional, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { type EventId, formatEventId } from './event-id.js';

export const ORDERS = ['desc', 'asc'] as const;
export const OPERATORS = ['best', 'latest', 'sum'] as const;
export const TIE_BREAKS = ['first', 'last', 'none'] as const;
export const RANKINGS = ['standard', 'dense', 'ordinal'] as const;
export const SUBMITTERS = ['players', 'servers'] as const;

/** What an attribute of a run must be: the value, or one of them. */
export type AttributeFilter = Readonly<Record<string, Attribute | readonly Attribute[]>>;
type Attribute = string | number | boolean;

/** What a board is: `docs/leaderboards.md` says what each field means. */
export interface BoardDefinition {
  readonly order: (typeof ORDERS)[number];
  readonly operator: (typeof OPERATORS)[number];
  /** `daily`, `weekly`, `monthly`, or a cron expression; without it, the board has one period for ever. */
  readonly reset?: string;
  /** An IANA time zone, in which periods begin. */
  readonly timezone?: string;
  /** Past periods that are kept beside the newest. */
  readonly keepPeriods?: number;
  readonly tieBreak: (typeof TIE_BREAKS)[number];
  readonly ranking: (typeof RANKINGS)[number];
  /** The board whose scores this one counts, instead of its own. */
  readonly source?: string;
  /** Which scores count. */
  readonly filter?: AttributeFilter;
  readonly min?: number;
  readonly max?: number;
  readonly submit: (typeof SUBMITTERS)[number];
  /** Entries that are shown and ranked, from the top. */
  readonly maxEntries?: number;
  /** Seconds between two scores of one player, at least. */
  readonly minInterval?: number;
  /** Partitions over which the board is spread, by player. The copies of a board with a source have its source's. */
  readonly shards?: number;
}

/** How many past periods are kept where a definition does not say. */
export const KEPT_PERIODS = 100;

/** What a board is that nobody has defined: the first score makes it. */
export const DEFAULT_DEFINITION: BoardDefinition = {
  order: 'desc',
  operator: 'best',
  tieBreak: 'first',
  ranking: 'standard',
  submit: 'players',
};

/**
 * An operator said what a board is, for all scores that it ever had or will have.
 *
 * It is appended to the board's own partition, where it takes the name. The other partitions that have the board, or a
 * shard of it, get copies with the id of that first event.
 */
export interface BoardDefined {
  readonly board: string;
  readonly definition: BoardDefinition;
  /** The id of the first event, in its copies. */
  readonly first?: EventId;
  /**
   * In copies for shards: the event that first made the board what it is since it was removed, if it ever was. What stands
   * in the partition before the first copy with this id is of a board of the past.
   */
  readonly born?: EventId;
}

export const boardDefined: EventDefinition<BoardDefined> = {
  code: 'b1',
  stream: 'scores',
  subject: data => data.board,
  copy: (data, first) => ({ ...data, first }),
  pack: ({ board, definition, first, born }) => [
    board,
    definition,
    ...(first ? [formatEventId(first)] : []),
    ...(first && born ? [formatEventId(born)] : []),
  ],
  unpack: ([board, definition, first, born]) => ({
    board: text(board, 'board'),
    definition: readDefinition(definition),
    ...(first != null && { first: eventId(first, 'first') }),
    ...(born != null && { born: eventId(born, 'born') }),
  }),
};

/**
 * A definition as it stands in the log or beside a board.
 *
 * @throws MalformedEventError
 */
export function readDefinition(value: unknown): BoardDefinition {
  const given = { ...DEFAULT_DEFINITION, ...(value as object) } as Record<string, unknown>;
  return {
    order: oneOf(ORDERS, given.order, 'order'),
    operator: oneOf(OPERATORS, given.operator, 'operator'),
    ...optional(given, 'reset', text),
    ...optional(given, 'timezone', text),
    ...optional(given, 'keepPeriods', finiteNumber),
    tieBreak: oneOf(TIE_BREAKS, given.tieBreak, 'tieBreak'),
    ranking: oneOf(RANKINGS, given.ranking, 'ranking'),
    ...optional(given, 'source', text),
    ...optional(given, 'filter', attributeFilter),
    ...optional(given, 'min', finiteNumber),
    ...optional(given, 'max', finiteNumber),
    submit: oneOf(SUBMITTERS, given.submit, 'submit'),
    ...optional(given, 'maxEntries', finiteNumber),
    ...optional(given, 'minInterval', finiteNumber),
    ...optional(given, 'shards', finiteNumber),
  };
}

/** A definition as the append script stores it after the event id: source or `-`, a space, and the definition as JSON. */
export function definitionText(definition: BoardDefinition): string {
  return `${definition.source ?? '-'} ${JSON.stringify(definition)}`;
}
