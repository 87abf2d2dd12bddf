import fc from 'fast-check';
import { formatEventId } from '#libs/events';
import {
  afterRevocations,
  type EntryEvent,
  entryInAnyOrder,
  entryRevoked,
  scoreSubmitted,
  scoresThatCount,
  unitsOf,
  unitsOfSum,
} from '#libs/testing';
import { toNumber } from '../ranking/exact-sum.js';
import { MAX_RECENT_SCORES, recordsOf } from './recent-scores.js';
import { type BoardScores, evolveScores, mergeScores, type ScoresState } from './score-document.fold.js';
import { scoreDocuments } from './score-document.store.js';

const fold = (events: readonly EntryEvent[]) =>
  events.reduce<ScoresState | undefined>(evolveScores, undefined) as ScoresState;
const scoresOf = (events: readonly EntryEvent[]) => fold(events).scores as BoardScores;
const score = (value: number, ms: number, seq = 0) =>
  scoreSubmitted({ player: 'ada', score: value }, ms, seq);

/** The document, computed from the whole list at once. */
function naiveScores(events: readonly EntryEvent[]) {
  const epoch = events.filter(event => event.type === 'EntryRevoked').length;
  const scores = scoresThatCount(events);
  const [first] = scores;
  if (!first) return { epoch };
  const values = scores.map(({ data }) => data.score);
  return {
    epoch,
    count: scores.length,
    highest: Math.max(...values),
    lowest: Math.min(...values),
    units: values.map(unitsOf).reduce((a, b) => a + b),
    firstAt: first.id.ms,
    recent: scores
      .map(({ id, data }) => [formatEventId(id), data.score])
      .slice(-MAX_RECENT_SCORES)
      .reverse(),
  };
}

function flat({ epoch, scores }: ScoresState) {
  if (!scores) return { epoch };
  const { sum, recent, ...rest } = scores;
  return { epoch, ...rest, units: unitsOfSum(sum), recent: recordsOf(recent) };
}

describe('the fold of a score document', () => {
  it('keeps the count, the sum, and the highest, lowest, first, and latest scores', () => {
    const scores = scoresOf([score(10, 1), score(-30, 2), score(20, 3)]);
    expect(scores).toMatchObject({ count: 3, highest: 20, lowest: -30, firstAt: 1 });
    expect(toNumber(scores.sum)).toBe(0);
    expect(recordsOf(scores.recent).map(([, score]) => score)).toEqual([20, -30, 10]);
  });

  it('counts an equal score like any other', () => {
    const { count, sum } = scoresOf([score(5, 1), score(5, 2), score(5, 3)]);
    expect(count).toBe(3);
    expect(toNumber(sum)).toBe(15);
  });

  it('keeps the latest scores in the order of the log, not of delivery', () => {
    const events = Array.from({ length: MAX_RECENT_SCORES + 5 }, (_, seq) => score(seq, 1, seq));
    const newest = events.toReversed().slice(0, MAX_RECENT_SCORES);
    for (const order of [events, events.toReversed()]) {
      expect(recordsOf(scoresOf(order).recent)).toEqual(
        newest.map(({ id, data }) => [formatEventId(id), data.score]),
      );
    }
  });

  it('keeps the time of the first score even if it is delivered last', () => {
    expect(scoresOf([score(1, 900), score(2, 100)]).firstAt).toBe(100);
  });

  it('starts again after a revocation, in whatever order the events arrive', () => {
    const [early, revoked, late] = [score(99, 1), entryRevoked(1, 2), afterRevocations(1, score(1, 3))];
    expect(fold([early, revoked])).toEqual({ epoch: 1 });
    for (const order of [
      [early, revoked, late],
      [late, revoked, early],
    ])
      expect(fold(order)).toMatchObject({
        epoch: 1,
        scores: { count: 1, highest: 1, lowest: 1, firstAt: 3 },
      });
  });

  it('gives the same document as a naive computation, in any order', () => {
    fc.assert(
      fc.property(entryInAnyOrder, ({ events, shuffled }) => {
        const state = fold(shuffled);
        expect(flat(state)).toEqual(naiveScores(events));
        expect(scoreDocuments.format(state)).toBe(scoreDocuments.format(fold(events)));
      }),
    );
  });

  it('gives the same document if parts are folded separately and merged', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2, maxLength: 30 }),
        fc.nat(),
        (list, at) => {
          const events = list.map((value, seq) => score(value, 1 + Math.floor(seq / 3), seq));
          const cut = 1 + (at % (events.length - 1));
          const merged = mergeScores(scoresOf(events.slice(0, cut)), scoresOf(events.slice(cut)));
          expect(merged).toEqual(scoresOf(events));
        },
      ),
    );
  });

  it('is stored as a revision and JSON', () => {
    const [revision, json = ''] = scoreDocuments.format(fold([score(0.5, 1), score(-2, 2)])).split(' ');
    expect(revision).toBe('2');
    expect(JSON.parse(json)).toEqual({
      ...{ highest: 0.5, lowest: -2, sum: ['-3', -1], firstAt: 1 },
      recent: [
        ['2-0', -2],
        ['1-0', 0.5],
      ],
    });
  });

  it('parses what it formats, and different states have different revisions', () => {
    fc.assert(
      fc.property(entryInAnyOrder, ({ shuffled }) => {
        let state: ScoresState | undefined;
        const texts = new Set<string>();
        for (const event of shuffled) {
          state = evolveScores(state, event);
          const text = scoreDocuments.format(state);
          expect(scoreDocuments.parse(text)).toEqual(state);
          texts.add(text);
        }
        expect(new Set([...texts].map(text => text.split(' ', 1)[0])).size).toBe(texts.size);
      }),
    );
  });
});
