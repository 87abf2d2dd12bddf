import fc from 'fast-check';
import { type BoardDefinition, DEFAULT_DEFINITION, OPERATORS, ORDERS } from '#libs/events';
import {
  afterRevocations,
  anyDefinition,
  type EntryEvent,
  entryInAnyOrder,
  entryRevoked,
  nearestDouble,
  repeated,
  scoreSubmitted,
  scoresThatCount,
  unitsOf,
  unitsOfSum,
} from '#libs/testing';
import { type BoardEntry, evolveEntry } from './leaderboard.fold.js';
import { leaderboards } from './leaderboard.store.js';

/** Folds like the projection: a revocation removes the entry, and scores from before it do not count. */
const evolve = (
  { entry, epoch }: { entry: BoardEntry | undefined; epoch: number },
  event: EntryEvent,
  rules: BoardDefinition,
) => {
  const { version = 0 } = event;
  if (event.type === 'EntryRevoked')
    return { epoch: Math.max(epoch, version), entry: entry && entry.epoch < version ? undefined : entry };
  return { epoch, entry: version < epoch ? entry : evolveEntry(entry, event, rules) };
};
const fold = (events: readonly EntryEvent[], rules: BoardDefinition = DEFAULT_DEFINITION) => {
  let state: Parameters<typeof evolve>[0] = { entry: undefined, epoch: 0 };
  for (const event of events) state = evolve(state, event, rules);
  return state.entry as BoardEntry;
};
const score = (value: number, ms: number, seq = 0) =>
  scoreSubmitted({ player: 'ada', score: value }, ms, seq);
const textOf = (events: readonly EntryEvent[], rules: BoardDefinition) => {
  const entry = fold(events, rules) as BoardEntry | undefined;
  return entry ? leaderboards.format(entry) : '';
};
const revisionOf = (text: string) => text.split(' ', 1)[0];

const allRules = OPERATORS.flatMap(operator =>
  ORDERS.map(order => ({ ...DEFAULT_DEFINITION, operator, order })),
);

/** The entry, computed from the whole list at once. */
function naiveEntry(events: readonly EntryEvent[], { order, operator }: BoardDefinition) {
  const epoch = events.filter(event => event.type === 'EntryRevoked').length;
  const scores = scoresThatCount(events);
  const sign = order === 'desc' ? -1 : 1;
  const ranked = scores.toSorted((a, b) => Math.sign(a.data.score - b.data.score) * sign);
  const run = operator === 'best' ? ranked[0] : scores.at(-1);
  if (!run) return undefined;
  const units = scores.reduce((sum, { data }) => sum + unitsOf(data.score), 0n);
  const { attributes } = run.data;
  return {
    epoch,
    run: run.id,
    ...(attributes && { attributes }),
    ...(operator === 'sum'
      ? { score: nearestDouble(units), count: scores.length, units }
      : { score: run.data.score }),
  };
}

function flat({ total, ...entry }: BoardEntry) {
  return { ...entry, ...(total && { count: total.count, units: unitsOfSum(total.sum) }) };
}

describe('the fold of a leaderboard', () => {
  it('keeps the first score, whatever it is', () => {
    for (const rules of allRules)
      expect(fold([score(-5, 1)], rules)).toMatchObject({ score: -5, run: { ms: 1, seq: 0 } });
  });

  it.each([
    ['best', 'desc', 30, 2],
    ['best', 'asc', 10, 1],
    ['latest', 'desc', 20, 3],
    ['latest', 'asc', 20, 3],
    ['sum', 'desc', 60, 3],
    ['sum', 'asc', 60, 3],
  ] as const)('makes with %s and %s of 10, 30 and 20: %d', (operator, order, expected, ms) => {
    const events = [score(10, 1), score(30, 2), score(20, 3)];
    expect(fold(events, { ...DEFAULT_DEFINITION, operator, order })).toMatchObject({
      score: expected,
      run: { ms, seq: 0 },
    });
  });

  it.each(ORDERS)(
    'keeps, of equal scores, the one that was reached first, also when it comes last (%s)',
    order => {
      const runs = [score(7, 2, 9), score(7, 2, 10), score(7, 3)];
      for (const list of [runs, runs.toReversed()])
        expect(fold(list, { ...DEFAULT_DEFINITION, order }).run).toEqual({ ms: 2, seq: 9 });
    },
  );

  it('keeps the attributes of the run that counts, and never those of another', () => {
    const plain = score(9, 2);
    const tagged = scoreSubmitted({ player: 'ada', score: 5, attributes: { region: 'eu' } }, 1);
    for (const rules of allRules.filter(({ order }) => order === 'desc')) {
      expect(fold([tagged], rules)).toHaveProperty('attributes', { region: 'eu' });
      expect(fold([tagged, plain], rules)).not.toHaveProperty('attributes');
      expect(fold([plain, tagged], rules)).not.toHaveProperty('attributes');
    }
  });

  it('returns the same object for a run that changes nothing', () => {
    const state = fold([afterRevocations(1, score(10, 5))]);
    for (const other of [
      score(99, 1),
      ...[score(9, 1), score(10, 6), score(10, 5)].map(run => afterRevocations(1, run)),
    ])
      expect(evolveEntry(state, other, DEFAULT_DEFINITION)).toBe(state);
  });

  it('does not count scores from before a revocation, in whatever order the events arrive', () => {
    const [early, revoked, late] = [score(99, 1), entryRevoked(1, 2), afterRevocations(1, score(1, 3))];
    for (const rules of allRules) {
      expect(fold([early, revoked], rules)).toBeUndefined();
      expect(fold([revoked, early], rules)).toBeUndefined();
      for (const order of [
        [early, revoked, late],
        [early, late, revoked],
        [late, early, revoked],
        [revoked, late, early],
      ])
        expect(fold(order, rules)).toMatchObject({ epoch: 1, score: 1, run: { ms: 3 } });
    }
  });

  it.each(allRules)(
    'gives the same entry as a naive computation, in any order ($operator, $order)',
    rules => {
      fc.assert(
        fc.property(entryInAnyOrder, ({ events, shuffled }) => {
          const state = fold(shuffled, rules);
          expect(state && flat(state)).toEqual(naiveEntry(events, rules));
          expect(textOf(shuffled, rules)).toBe(textOf(events, rules));
        }),
      );
    },
  );

  it.each(allRules.filter(({ operator }) => operator !== 'sum'))(
    'is the same when some events come twice ($operator, $order)',
    rules => {
      const histories = entryInAnyOrder.chain(({ events }) =>
        fc.record({ events: fc.constant(events), delivered: repeated(events) }),
      );
      fc.assert(
        fc.property(histories, ({ events, delivered }) => {
          expect(textOf(delivered, rules)).toBe(textOf(events, rules));
        }),
      );
    },
  );

  it('parses what it formats, and different states have different revisions', () => {
    fc.assert(
      fc.property(anyDefinition, entryInAnyOrder, (rules, { shuffled }) => {
        let state: Parameters<typeof evolve>[0] = { entry: undefined, epoch: 0 };
        const texts = new Set<string>();
        for (const event of shuffled) {
          state = evolve(state, event, rules);
          if (!state.entry) continue;
          const text = leaderboards.format(state.entry);
          expect(leaderboards.parse(text)).toEqual(state.entry);
          texts.add(text);
        }
        expect(new Set([...texts].map(revisionOf)).size).toBe(texts.size);
      }),
    );
  });

  it.each([
    ['no attributes', undefined],
    ['empty attributes', {}],
    ['spaces and a lone surrogate', { 'a b': 'c d \ud800', '': ' ', n: -0.5, yes: true }],
    ['line breaks of all kinds', { a: 'b\r\n\u2028\u2029c' }],
  ])('is kept with %s', (_, attributes) => {
    const entry = { score: 1e21, run: { ms: 1, seq: 2 }, ...(attributes && { attributes }) };
    for (const epoch of [0, 1, 12]) {
      const state: BoardEntry = { epoch, ...entry };
      expect(leaderboards.parse(leaderboards.format(state))).toEqual(state);
    }
  });
});
