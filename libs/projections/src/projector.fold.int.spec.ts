import { jest } from '@jest/globals';
import fc from 'fast-check';
import { leaderboards, orderOf, ScoreDocumentReader, scoreDocuments } from '#libs/leaderboards';
import { saves } from '#libs/maintenance';
import { anyScore, cut, foldOf, pendingOf, runs, shuffled, stateOf, Workers } from '#libs/testing';
import type { Projection } from './projection.js';

jest.setTimeout(30_000);

const submissions = (maxLength: number) =>
  fc.array(fc.record({ player: fc.constantFrom('a', 'b', 'c'), score: anyScore }), {
    minLength: 1,
    maxLength,
  });

const ofScores = [
  ['leaderboards', leaderboards],
  ['score documents', scoreDocuments],
] as [string, Projection<unknown, 'ScoreSubmitted', unknown>][];

describe('a projector', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  it.each(ofScores)('keeps %s as the pure fold of the log, byte for byte', async (_, projection) => {
    const { test, scores } = workers;
    const list = fc
      .sample(submissions(200), { numRuns: 4, seed: 7 })
      .flatMap((part, i) => part.map(score => ({ ...score, board: `board-${i % 3}` })));
    const events = await workers.submit(list, projection.name);
    const settlement = await workers.project(projection, events);
    expect(settlement).toEqual({ applied: list.length, duplicates: 0, deferred: [] });
    const { hashes } = await stateOf(test, scores);
    expect(hashes).toEqual(foldOf(projection, events, scores));
    expect(await pendingOf(test, scores, projection.name)).toBe(0);
  });

  it('ranks exactly the runs that count', async () => {
    const list = fc.sample(submissions(300), { numRuns: 1, seed: 3 })[0] ?? [];
    const events = await workers.submit(list, leaderboards.name);
    await workers.project(leaderboards, events.slice(0, 9));
    await workers.project(leaderboards, events.slice(9));
    const { hashes, ranks } = await stateOf(workers.test, workers.scores);
    const expected = Object.entries(hashes['runs:board'] ?? {}).flatMap(([player, text]) => {
      const { run, score } = leaderboards.parse(text);
      return [[orderOf(run) + player, score] as const];
    });
    expect(ranks).toEqual({ 'ranks:board': Object.fromEntries(expected) });
  });

  it('stores saves as the fold of the log, and the latest document of each slot', async () => {
    const { test, players } = workers;
    const events = await workers.save(12, saves.name, ['one', 'two']);
    expect(await workers.project(saves, events)).toEqual({ applied: 24, duplicates: 0, deferred: [] });
    expect(await stateOf(test, players)).toEqual({
      hashes: foldOf(saves, events, players),
      ranks: {},
      documents: { 'save:ada/one': '{"one":12}', 'save:ada/two': '{"two":12}' },
    });
    expect(await pendingOf(test, players, saves.name)).toBe(0);
  });

  it.each(ofScores)(
    'counts every event once in %s when two workers apply the same ones by turns',
    async (_, projection) => {
      const { test, scores } = workers;
      let round = 0;
      await fc.assert(
        fc.asyncProperty(submissions(40), fc.gen(), async (list, any) => {
          const board = `board-${++round}`;
          const events = await workers.submit(
            list.map(score => ({ ...score, board })),
            projection.name,
          );
          const share = () => any(cut, any(shuffled, events));
          expect(await workers.projectTogether(projection, [share(), share()])).toBe(events.length);
          expect((await stateOf(test, scores)).hashes).toMatchObject(foldOf(projection, events, scores));
          expect(await pendingOf(test, scores, projection.name)).toBe(0);
        }),
        { numRuns: runs(40) },
      );
    },
  );

  it('counts and sums exactly the scores that two workers applied in turns', async () => {
    const values = Array.from({ length: 200 }, (_, i) => 2 ** (i % 40) + 0.5);
    const list = values.map(score => ({ player: 'ada', score }));
    const events = await workers.submit(list, scoreDocuments.name);
    const shares = fc.tuple(cut(events), cut(events.toReversed()));
    const [batches = [[], []] as const] = fc.sample(shares, { numRuns: 1, seed: 1 });
    expect(await workers.projectTogether(scoreDocuments, batches)).toBe(200);
    const reader = new ScoreDocumentReader(workers.test.redis, workers.test.topology);
    const sum = values.reduce((a, b) => a + b);
    expect(await reader.find('ada')).toMatchObject({ board: { count: 200, sum } });
  });
});
