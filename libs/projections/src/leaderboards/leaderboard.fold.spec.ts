import fc from 'fast-check';
import { scoreSubmitted, scoresInAnyOrder } from '#libs/testing';
import { type BoardEntry, evolveEntry } from './leaderboard.fold.js';
import { leaderboards } from './leaderboard.store.js';

type Event = ReturnType<typeof scoreSubmitted>;

const fold = (events: readonly Event[]) =>
  events.reduce<BoardEntry | undefined>(evolveEntry, undefined) as BoardEntry;
const score = (value: number, ms: number, seq = 0) =>
  scoreSubmitted({ player: 'ada', score: value }, ms, seq);

describe('the fold of a leaderboard', () => {
  it('keeps the first score, whatever it is', () => {
    expect(fold([score(-5, 1)])).toEqual({ score: -5, run: { ms: 1, seq: 0 } });
  });

  it('keeps the higher score', () => {
    expect(fold([score(10, 1), score(30, 2), score(20, 3)])).toEqual({ score: 30, run: { ms: 2, seq: 0 } });
  });

  it('keeps, of equal scores, the one that was reached first, even when it comes last', () => {
    const runs = [score(7, 2, 9), score(7, 2, 10), score(7, 3)];
    expect(fold(runs).run).toEqual({ ms: 2, seq: 9 });
    expect(fold(runs.toReversed()).run).toEqual({ ms: 2, seq: 9 });
  });

  it('shows the attributes of the run that counts, never of another', () => {
    const plain = score(9, 2);
    const tagged = scoreSubmitted({ player: 'ada', score: 5, attributes: { region: 'eu' } }, 1);
    expect(fold([tagged]).attributes).toEqual({ region: 'eu' });
    expect(fold([tagged, plain])).not.toHaveProperty('attributes');
    expect(fold([plain, tagged])).not.toHaveProperty('attributes');
  });

  it('returns the same object for a run that changes nothing', () => {
    const entry = fold([score(10, 5)]);
    for (const other of [score(9, 1), score(10, 6), score(10, 5)])
      expect(evolveEntry(entry, other)).toBe(entry);
  });

  it('gives the same state for any order of the same events, also when some come twice', () => {
    fc.assert(
      fc.property(scoresInAnyOrder, ({ events, shuffled }) => {
        const state = leaderboards.format(fold(events));
        expect(leaderboards.format(fold(shuffled))).toBe(state);
        expect(leaderboards.format(fold([...shuffled, ...events]))).toBe(state);
      }),
    );
  });

  it('gives the highest score of all', () => {
    fc.assert(
      fc.property(scoresInAnyOrder, ({ events, shuffled }) => {
        expect(fold(shuffled).score).toBe(Math.max(...events.map(event => event.data.score)));
      }),
    );
  });

  it('is kept as text that reads back as it was', () => {
    fc.assert(
      fc.property(scoresInAnyOrder, ({ events }) => {
        const state = fold(events);
        expect(leaderboards.parse(leaderboards.format(state))).toEqual(state);
      }),
    );
  });

  it.each([
    ['no attributes', undefined],
    ['empty attributes', {}],
    ['spaces and a lone surrogate', { 'a b': 'c d \ud800', '': ' ', n: -0.5, yes: true }],
  ])('is kept with %s', (_, attributes) => {
    const run = { ms: 1, seq: 2 };
    const state: BoardEntry = { score: 1e21, run, ...(attributes && { attributes }) };
    expect(leaderboards.parse(leaderboards.format(state))).toEqual(state);
  });
});
