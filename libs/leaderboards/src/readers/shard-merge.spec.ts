import fc from 'fast-check';
import {
  aheadOf,
  aheadOfTies,
  BOTTOM,
  comparePlaces,
  mergeWindows,
  narrowRange,
  type Place,
  type ShardSamples,
  type ShardWindow,
  TOP,
} from './shard-merge.js';

/** Boards of a few shards with many ties: no two entries have the same member. */
const shards: fc.Arbitrary<Place[][]> = fc
  .tuple(
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.nat()), { maxLength: 60 }),
  )
  .map(([count, list]) => {
    const parts: Place[][] = Array.from({ length: count }, () => []);
    for (const [i, [score, where]] of list.entries())
      parts[where % count]?.push({ score, member: `m${String(i).padStart(2, '0')}` });
    return parts.map(part => part.sort(comparePlaces));
  });

/** The answer of `read-shard.lua`. */
function windowOf(shard: readonly Place[], place: Place, before: number, length: number): ShardWindow {
  const ahead = shard.filter(entry => comparePlaces(entry, place) < 0).length;
  const start = Math.max(0, ahead - before);
  const lead = shard[start - 1];
  const entries = shard.slice(start, ahead + length).map(entry => ({ ...entry, run: '' }));
  const betterThan = (score: number) => shard.filter(entry => entry.score > score).length;
  return {
    ahead,
    start,
    entries,
    ...(lead && { previous: { score: lead.score, better: betterThan(lead.score) } }),
  };
}

function samplesOf(shard: readonly Place[], from: Place, to: Place, count: number): ShardSamples {
  const aheadOfPlace = (place: Place) => shard.filter(entry => comparePlaces(entry, place) < 0).length;
  const [first, last] = [aheadOfPlace(from), aheadOfPlace(to)];
  const step = Math.max(1, Math.ceil((last - first) / count));
  const samples = shard
    .map((entry, index) => ({ ...entry, index }))
    .filter(({ index }) => index >= first && index < last && (index - first) % step === 0);
  return { from: first, to: last, samples };
}

const whole = (parts: readonly Place[][]) => parts.flat().sort(comparePlaces);

describe('windows of shards', () => {
  it('are merged into the window of the whole board, with indices and numbers of better scores', () => {
    fc.assert(
      fc.property(
        shards,
        fc.nat(),
        fc.nat({ max: 8 }),
        fc.nat({ max: 8 }),
        (parts, where, before, length) => {
          const board = whole(parts);
          const place = board[where % (board.length + 1)] ?? BOTTOM;
          const windows = parts.map(part => windowOf(part, place, before, length));
          const ahead = aheadOf(windows);
          expect(ahead).toBe(board.filter(entry => comparePlaces(entry, place) < 0).length);
          const from = Math.max(0, ahead - before);
          const expected = board.map((entry, index) => ({
            ...entry,
            index,
            better: board.filter(({ score }) => score > entry.score).length,
            run: '',
          }));
          expect(mergeWindows(windows, from, ahead + length)).toEqual(expected.slice(from, ahead + length));
        },
      ),
    );
  });

  it('can begin ahead of all entries with a score', () => {
    const shard = ['c', 'b', 'a'].map(member => ({ score: 3, member }));
    expect(windowOf(shard, aheadOfTies(3), 5, 5)).toMatchObject({ ahead: 0, entries: shard });
    expect(windowOf(shard, TOP, 0, 1).ahead).toBe(0);
  });
});

describe('samples of shards', () => {
  it('never exclude the entry that is searched for, and come near it in a few rounds', () => {
    fc.assert(
      fc.property(shards, fc.nat(), fc.integer({ min: 2, max: 12 }), (parts, where, count) => {
        const board = whole(parts);
        const index = where % (board.length + 1);
        let [from, to] = [TOP, BOTTOM];
        for (let look = 0; look < 5; look++) {
          const found = narrowRange(
            parts.map(part => samplesOf(part, from, to, count)),
            index,
          );
          from = found.from ?? from;
          to = found.to ?? to;
          const target = board[index] ?? BOTTOM;
          expect(comparePlaces(from, target)).toBeLessThanOrEqual(0);
          if (to !== BOTTOM) expect(comparePlaces(target, to)).toBeLessThan(0);
        }
      }),
    );
  });

  it('find one entry among a million in five rounds', () => {
    const shardCount = 4;
    let [from, to] = [0, 1_000_000];
    let looks = 0;
    // Scores count down from a million and go to the shards in turns, so the score of an entry tells its index.
    for (; to - from > 256 && looks < 20; looks++) {
      const parts = Array.from({ length: shardCount }, (_, shard): ShardSamples => {
        const own = (index: number) => Math.ceil((index - shard) / shardCount);
        const [first, last] = [own(from), own(to)];
        const gap = Math.max(1, Math.ceil((last - first) / 32));
        const samples = Array.from({ length: Math.ceil((last - first) / gap) }, (_, n) => {
          const index = first + n * gap;
          return { index, score: 1_000_000 - (index * shardCount + shard), member: 'm' };
        });
        return { from: first, to: last, samples };
      });
      const found = narrowRange(parts, 654_321);
      from = found.from ? 1_000_000 - found.from.score : from;
      to = found.to ? 1_000_000 - found.to.score : to;
      expect(from).toBeLessThanOrEqual(654_321);
      expect(to).toBeGreaterThan(654_321);
    }
    expect(looks).toBeLessThanOrEqual(5);
  });
});
