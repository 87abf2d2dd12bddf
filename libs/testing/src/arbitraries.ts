import fc from 'fast-check';
import {
  type BoardDefinition,
  OPERATORS,
  ORDERS,
  RANKINGS,
  type RecordedEvent,
  TIE_BREAKS,
} from '#libs/events';
import { afterRevocations, entryRevoked, scoreSubmitted } from './events.js';

/** How often a property is tried: `TEST_RUNS=0.3` says less often, where it was tried on another server just before. */
export const runs = (usual: number) => Math.ceil(usual * Number(process.env.TEST_RUNS ?? 1));

/** Scores of all sizes, ordinary ones and ties above all. Not -0: JSON, and so the log, knows only one zero. */
export const anyScore: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(score => score + 0) },
  { weight: 1, arbitrary: fc.constantFrom(5e-324, 0.1, 1e21, -1e308, Number.MAX_SAFE_INTEGER) },
);

export const anyDefinition: fc.Arbitrary<BoardDefinition> = fc.record({
  order: fc.constantFrom(...ORDERS),
  operator: fc.constantFrom(...OPERATORS),
  tieBreak: fc.constantFrom(...TIE_BREAKS),
  ranking: fc.constantFrom(...RANKINGS),
  submit: fc.constant('players'),
});

export type EntryEvent = RecordedEvent<'ScoreSubmitted' | 'EntryRevoked'>;

/** What happened to one player on one board, in the order of the log, and the same events in any order. */
export const entryInAnyOrder: fc.Arbitrary<{ events: EntryEvent[]; shuffled: EntryEvent[] }> = fc
  .array(
    fc.record({
      score: fc.option(anyScore, { freq: 6 }),
      tagged: fc.boolean(),
      gap: fc.nat({ max: 2 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .chain(steps => {
    let ms = 1_700_000_000_000;
    let revocations = 0;
    const events = steps.map(({ score, tagged, gap }, seq): EntryEvent => {
      ms += gap;
      if (score === null) return entryRevoked(++revocations, ms, seq);
      const attributes = tagged && { attributes: { run: seq } };
      return afterRevocations(revocations, scoreSubmitted({ player: 'ada', score, ...attributes }, ms, seq));
    });
    return fc.record({ events: fc.constant(events), shuffled: shuffled(events) });
  });

/** The scores that no revocation came after, of events in the order of the log. */
export function scoresThatCount(events: readonly EntryEvent[]): RecordedEvent<'ScoreSubmitted'>[] {
  return events
    .slice(events.findLastIndex(event => event.type === 'EntryRevoked') + 1)
    .filter(event => event.type === 'ScoreSubmitted');
}

/** The same list in any order. */
export function shuffled<T>(list: readonly T[]): fc.Arbitrary<T[]> {
  return fc.shuffledSubarray([...list], { minLength: list.length });
}

/** The list in any order, with some of it twice. */
export function repeated<T>(list: readonly T[]): fc.Arbitrary<T[]> {
  return fc.subarray([...list]).chain(some => shuffled([...list, ...some]));
}

/** A list cut into batches of any sizes. */
export function cut<T>(list: readonly T[]): fc.Arbitrary<T[][]> {
  const size = fc.integer({ min: 1, max: 12 });
  return fc.array(size, { minLength: list.length, maxLength: list.length }).map(sizes => {
    const rest = [...list];
    return sizes.map(length => rest.splice(0, length)).filter(batch => batch.length > 0);
  });
}
