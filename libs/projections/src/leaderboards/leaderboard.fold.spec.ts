import fc from 'fast-check';
import { type BoardRules, DEFAULT_RULES, OPERATORS, ORDERS } from '#libs/events';
import {
  afterRevocations,
  anyRules,
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
import { type EntryState, evolveEntry } from './leaderboard.fold.js';
import { leaderboards } from './leaderboard.store.js';

const fold = (events: readonly EntryEvent[], rules: BoardRules = DEFAULT_RULES) => {
  let state: EntryState | undefined;
  for (const event of events) state = evolveEntry(state, event, rules);
  return state as EntryState;
};
const score = (value: number, ms: number, seq = 0) =>
  scoreSubmitted({ player: 'ada', score: value }, ms, seq);
const textOf = (events: readonly EntryEvent[], rules: BoardRules) => leaderboards.format(fold(events, rules));
const revisionOf = (text: string) => text.split(' ', 1)[0];

const allRules = OPERATORS.flatMap(operator => ORDERS.map(order => ({ operator, order })));

/** The entry as one would work it out from the whole list at once. */
function naiveEntry(events: readonly EntryEvent[], { order, operator }: BoardRules) {
  const epoch = events.filter(event => event.type === 'EntryRevoked').length;
  const scores = scoresThatCount(events);
  const sign = order === 'desc' ? -1 : 1;
  const ranked = scores.toSorted((a, b) => Math.sign(a.data.score - b.data.score) * sign);
  const run = operator === 'best' ? ranked[0] : scores.at(-1);
  if (!run) return { epoch };
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

function flat({ epoch, entry: { total, ...entry } = {} as NonNullable<EntryState['entry']> }: EntryState) {
  return { epoch, ...entry, ...(total && { count: total.count, units: unitsOfSum(total.sum) }) };
}

describe('the fold of a leaderboard', () => {
  it('keeps the first score, whatever it is', () => {
    for (const rules of allRules)
      expect(fold([score(-5, 1)], rules).entry).toMatchObject({ score: -5, run: { ms: 1, seq: 0 } });
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
    const { entry } = fold(events, { operator, order });
    expect(entry).toMatchObject({ score: expected, run: { ms, seq: 0 } });
  });

  it.each(ORDERS)(
    'keeps, of equal scores, the one that was reached first, also when it comes last (%s)',
    order => {
      const runs = [score(7, 2, 9), score(7, 2, 10), score(7, 3)];
      for (const list of [runs, runs.toReversed()])
        expect(fold(list, { order, operator: 'best' }).entry?.run).toEqual({ ms: 2, seq: 9 });
    },
  );

  it('shows the attributes of the run that counts, never of another', () => {
    const plain = score(9, 2);
    const tagged = scoreSubmitted({ player: 'ada', score: 5, attributes: { region: 'eu' } }, 1);
    for (const rules of allRules.filter(({ order }) => order === 'desc')) {
      expect(fold([tagged], rules).entry).toHaveProperty('attributes', { region: 'eu' });
      expect(fold([tagged, plain], rules).entry).not.toHaveProperty('attributes');
      expect(fold([plain, tagged], rules).entry).not.toHaveProperty('attributes');
    }
  });

  it('returns the same object for a run that changes nothing', () => {
    const state = fold([afterRevocations(1, score(10, 5))]);
    for (const other of [
      score(99, 1),
      ...[score(9, 1), score(10, 6), score(10, 5)].map(run => afterRevocations(1, run)),
    ])
      expect(evolveEntry(state, other, DEFAULT_RULES)).toBe(state);
    expect(evolveEntry(state, entryRevoked(1, 4), DEFAULT_RULES)).toBe(state);
  });

  it('forgets what was scored before a revocation, in whatever order they arrive', () => {
    const [early, revoked, late] = [score(99, 1), entryRevoked(1, 2), afterRevocations(1, score(1, 3))];
    for (const rules of allRules) {
      expect(fold([early, revoked], rules)).toEqual({ epoch: 1 });
      expect(fold([revoked, early], rules)).toEqual({ epoch: 1 });
      for (const order of [
        [early, revoked, late],
        [early, late, revoked],
        [late, early, revoked],
        [revoked, late, early],
      ])
        expect(fold(order, rules)).toMatchObject({ epoch: 1, entry: { score: 1, run: { ms: 3 } } });
    }
  });

  it.each(allRules)('is what a naive board makes of the log, in any order ($operator, $order)', rules => {
    fc.assert(
      fc.property(entryInAnyOrder, ({ events, shuffled }) => {
        const state = fold(shuffled, rules);
        expect(flat(state)).toEqual(naiveEntry(events, rules));
        expect(leaderboards.format(state)).toBe(textOf(events, rules));
      }),
    );
  });

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

  it('is kept as text that reads back as it was, under a revision that differs whenever the state does', () => {
    fc.assert(
      fc.property(anyRules, entryInAnyOrder, (rules, { shuffled }) => {
        let state: EntryState | undefined;
        const texts = new Set<string>();
        for (const event of shuffled) {
          state = evolveEntry(state, event, rules);
          const text = leaderboards.format(state);
          expect(leaderboards.parse(text)).toEqual(state);
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
      const state: EntryState = { epoch, entry };
      expect(leaderboards.parse(leaderboards.format(state))).toEqual(state);
    }
  });
});
