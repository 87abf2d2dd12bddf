import fc from 'fast-check';
import { scoreSubmitted, scoresInAnyOrder } from '#libs/testing';
import { toNumber } from './exact-sum.js';
import { type BoardScores, evolveScores, RECENT } from './score-document.fold.js';
import { scoreDocuments } from './score-document.store.js';

type Event = ReturnType<typeof scoreSubmitted>;

const fold = (events: readonly Event[]) =>
  events.reduce<BoardScores | undefined>(evolveScores, undefined) as BoardScores;
const score = (value: number, ms: number, seq = 0) =>
  scoreSubmitted({ player: 'ada', score: value }, ms, seq);

describe('the fold of a score document', () => {
  it('counts, sums, and knows the best, the first and the latest scores', () => {
    const state = fold([score(10, 1), score(-30, 2), score(20, 3)]);
    expect(state).toMatchObject({ count: 3, best: 20, firstAt: 1 });
    expect(toNumber(state.sum)).toBe(0);
    expect(state.recent.map(record => record.score)).toEqual([20, -30, 10]);
  });

  it('counts an equal score like any other', () => {
    const state = fold([score(5, 1), score(5, 2), score(5, 3)]);
    expect(state.count).toBe(3);
    expect(toNumber(state.sum)).toBe(15);
  });

  it('shows the latest scores by the log, not by arrival', () => {
    const events = Array.from({ length: RECENT + 5 }, (_, seq) => score(seq, 1, seq));
    const newest = events.toReversed().slice(0, RECENT);
    for (const order of [events, events.toReversed()]) {
      expect(fold(order).recent).toEqual(newest.map(({ id, data }) => ({ id, score: data.score })));
    }
  });

  it('knows the first score when it arrives last', () => {
    expect(fold([score(1, 900), score(2, 100)]).firstAt).toBe(100);
  });

  it('gives the same state for any order of the same events', () => {
    fc.assert(
      fc.property(scoresInAnyOrder, ({ events, shuffled }) => {
        expect(scoreDocuments.format(fold(shuffled))).toBe(scoreDocuments.format(fold(events)));
      }),
    );
  });

  it('is kept as text that reads back as it was', () => {
    fc.assert(
      fc.property(scoresInAnyOrder, ({ events }) => {
        const state = fold(events);
        expect(scoreDocuments.parse(scoreDocuments.format(state))).toEqual(state);
      }),
    );
  });

  it('gives the same state when it is written down and read back between any two events', () => {
    fc.assert(
      fc.property(scoresInAnyOrder, ({ events }) => {
        const text = events.reduce<string | undefined>(
          (held, event) =>
            scoreDocuments.format(
              evolveScores(held === undefined ? held : scoreDocuments.parse(held), event),
            ),
          undefined,
        );
        expect(text).toBe(scoreDocuments.format(fold(events)));
      }),
    );
  });
});
