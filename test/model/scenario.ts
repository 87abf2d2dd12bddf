import fc from 'fast-check';
import { RESETS, type Reset } from './naive-calendar.js';
import type { Attribute, Definition } from './naive-leaderboards.js';

export const BOARDS = 4;
export const PLAYERS = 6;

const DAY = 24 * 60 * 60_000;

/** Boards and players are numbers here: each run of a scenario gives them names of its own. */
export interface ScorePlan {
  readonly board: number;
  readonly player: number;
  readonly score: number;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

export type DefinitionPlan = Omit<Definition, 'source' | 'shards'> & {
  readonly source?: number;
  /** As many as the scenario has for the board, or another number. */
  readonly shards?: 'own' | number;
};

/** So much later; or to where a period of a board begins, or one of a calendar, or a millisecond before or after. */
export type Later =
  | number
  | { readonly of: number; readonly offset: number }
  | { readonly reset: Reset; readonly timezone: string; readonly offset: number };

/** How boards are read. */
export interface Reading {
  readonly limit: number;
  readonly offset: number;
  readonly radius: number;
  readonly topPercent: number;
  readonly score: number;
  /** Of those that have scores, counted from the newest. */
  readonly period: number;
}

interface Writes {
  /** Whether the answer waits until it is applied. */
  readonly wait: boolean;
}

export type Step =
  | ({ readonly do: 'submit'; readonly score: ScorePlan } & Writes)
  | ({ readonly do: 'submit all'; readonly scores: readonly ScorePlan[] } & Writes)
  | ({ readonly do: 'define'; readonly board: number; readonly definition: DefinitionPlan } & Writes)
  | ({ readonly do: 'remove'; readonly board: number } & Writes)
  | ({ readonly do: 'revoke'; readonly board: number; readonly player: number } & Writes)
  | ({ readonly do: 'ban' | 'unban'; readonly player: number } & Writes)
  | { readonly do: 'let time pass'; readonly later: Later }
  | { readonly do: 'turn the page'; readonly board: number; readonly limit: number }
  | ({ readonly do: 'look' } & Reading);

export interface Scenario {
  /** When in a year it begins, in ms. */
  readonly start: number;
  /** In which of a lane's partitions each board is. */
  readonly partitions: readonly number[];
  /** Over how many partitions each board is spread, where nothing else is said. */
  readonly shards: readonly (number | undefined)[];
  readonly steps: readonly Step[];
}

/** Half-hours and quarter-hours from UTC, both halves of the earth, and clocks that change at midnight. */
const ZONES = [
  'UTC',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Asia/Beirut',
  'Africa/Cairo',
  'Pacific/Auckland',
];

const { constant, constantFrom, integer, oneof, option, record } = fc;
const sometimes = { requiredKeys: [] as never[] };

const board = integer({ min: 0, max: BOARDS - 1 });
/** Most happens on one board, so that there is something to see there, and on those that count its scores. */
const busy = oneof({ weight: 2, arbitrary: constant(0) }, { weight: 1, arbitrary: board });
const player = integer({ min: 0, max: PLAYERS - 1 });
const limit = integer({ min: 1, max: 5 });
const wait = fc.boolean();

/** Few, so that there are ties, and some at the edges of what is a score. */
const points = oneof(
  { weight: 12, arbitrary: integer({ min: -2, max: 4 }) },
  { weight: 3, arbitrary: constantFrom(0.1, 0.2, 0.5, 0.7, 1.1, -0.3, 2.25) },
  {
    weight: 1,
    arbitrary: constantFrom(-0, 1e15, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2 ** 53, -1e300),
  },
);

const attributes = record(
  { region: constantFrom('eu', 'us', 'as'), level: constantFrom(1, 2, '1'), ranked: fc.boolean() },
  sometimes,
).map(given => (Object.keys(given).length > 0 ? given : undefined));

const score: fc.Arbitrary<ScorePlan> = fc
  .tuple(record({ board: busy, player, score: points }), attributes)
  .map(([plan, facts]) => ({ ...plan, ...(facts && { attributes: facts }) }));

const filter = oneof(
  constantFrom({ region: 'eu' }, { region: ['eu', 'us'] }, { level: 1 }, { level: [1, '1'] }),
  constantFrom({ ranked: true }, { region: ['us', 'as'], ranked: false }, { map: 'none' }),
);

const reset = record({
  reset: constantFrom(...RESETS),
  timezone: option(constantFrom(...ZONES), { nil: undefined }),
  keepPeriods: option(constantFrom(0, 1, 1, 2), { nil: undefined }),
});

/** What only a board with scores of its own can have. */
const submitting = oneof(
  { weight: 6, arbitrary: constant({}) },
  { weight: 2, arbitrary: record({ min: integer({ min: -2, max: 0 }) }) },
  { weight: 2, arbitrary: record({ max: integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: constant({ minInterval: 3600 }) },
  { weight: 1, arbitrary: constant({ submit: 'servers' } as const) },
);

const ranking = record(
  {
    order: constantFrom('desc', 'asc'),
    operator: constantFrom('best', 'latest', 'sum'),
    tieBreak: constantFrom('first', 'last', 'none'),
    ranking: constantFrom('standard', 'dense', 'ordinal'),
  } as const,
  sometimes,
);

const definition: fc.Arbitrary<DefinitionPlan> = fc
  .tuple(
    ranking,
    oneof({ weight: 2, arbitrary: constant({}) }, { weight: 3, arbitrary: reset }),
    oneof(submitting, record({ source: busy })),
    oneof({ weight: 2, arbitrary: constant({}) }, { weight: 1, arbitrary: record({ filter }) }),
    oneof({ weight: 4, arbitrary: constant({}) }, record({ maxEntries: integer({ min: 1, max: 4 }) })),
    oneof(
      { weight: 16, arbitrary: constant({ shards: 'own' }) },
      { weight: 1, arbitrary: constant({}) },
      { weight: 1, arbitrary: record({ shards: integer({ min: 2, max: 3 }) }) },
    ),
  )
  .map(parts => Object.assign({}, ...parts) as DefinitionPlan)
  // What is left out is not there.
  .map(given => JSON.parse(JSON.stringify(given)) as DefinitionPlan);

const later: fc.Arbitrary<Later> = oneof(
  { weight: 3, arbitrary: constantFrom(1, 1_000, 15 * 60_000, 60 * 60_000, DAY, 7 * DAY, 31 * DAY) },
  {
    weight: 5,
    arbitrary: record({ of: board, offset: constantFrom(-1, 0, 1) }),
  },
  {
    weight: 2,
    arbitrary: record({
      reset: constantFrom(...RESETS),
      timezone: constantFrom(...ZONES),
      offset: constantFrom(-1, 0, 1),
    }),
  },
);

const reading = record({
  limit,
  offset: integer({ min: 0, max: PLAYERS }),
  radius: integer({ min: 0, max: 3 }),
  topPercent: constantFrom(0.5, 12.5, 25, 34, 50, 75, 99, 100),
  score: points.filter(value => Math.abs(value) < 2 ** 53),
  period: integer({ min: 0, max: 4 }),
});

const step: fc.Arbitrary<Step> = oneof(
  { weight: 12, arbitrary: record({ do: constant('submit'), score, wait }) },
  {
    weight: 6,
    arbitrary: record({
      do: constant('submit all'),
      scores: fc.array(score, { minLength: 1, maxLength: 12 }),
      wait,
    }),
  },
  { weight: 5, arbitrary: record({ do: constant('define'), board, definition, wait }) },
  { weight: 1, arbitrary: record({ do: constant('remove'), board, wait }) },
  { weight: 4, arbitrary: record({ do: constant('revoke'), board: busy, player, wait }) },
  { weight: 2, arbitrary: record({ do: constantFrom('ban', 'unban'), player, wait }) },
  { weight: 8, arbitrary: record({ do: constant('let time pass'), later }) },
  { weight: 3, arbitrary: record({ do: constant('turn the page'), board, limit }) },
  { weight: 3, arbitrary: reading.map(how => ({ do: 'look', ...how }) as const) },
);

const forAll = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: BOARDS, maxLength: BOARDS });

/** Shards are chosen before there are scores: a board that is to have some is mostly defined to begin with. */
const shards = oneof(
  { weight: 3, arbitrary: constant({}) },
  {
    weight: 2,
    arbitrary: record({
      shards: constantFrom(2, 3),
      defined: option(definition, { nil: undefined, freq: 6 }),
    }),
  },
) as fc.Arbitrary<{ readonly shards?: number; readonly defined?: DefinitionPlan | undefined }>;

function beginning(spread: readonly { readonly defined?: DefinitionPlan | undefined }[]): Step[] {
  return spread.flatMap(({ defined }, board): Step[] => {
    if (!defined) return [];
    const { source: _, ranking = 'standard', ...plan } = defined;
    const definition: DefinitionPlan = {
      ...plan,
      ranking: ranking === 'dense' ? 'ordinal' : ranking,
      shards: 'own',
    };
    return [{ do: 'define', board, definition, wait: false }];
  });
}

/** Something that could have happened to some boards. It always ends with a look at all of them. */
export const scenario: fc.Arbitrary<Scenario> = record({
  start: integer({ min: 0, max: 365 * DAY }),
  partitions: forAll(integer({ min: 0, max: 1 })),
  spread: forAll(shards),
  steps: fc
    .tuple(fc.array(step, { minLength: 3, maxLength: 30, size: 'max' }), reading)
    .map(([steps, how]) => [...steps, { do: 'look', ...how } as const]),
}).map(({ spread, steps, ...rest }) => ({
  ...rest,
  shards: spread.map(({ shards: count }) => count),
  steps: [...beginning(spread), ...steps],
}));
