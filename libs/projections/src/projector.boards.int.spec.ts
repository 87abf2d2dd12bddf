import { jest } from '@jest/globals';
import fc from 'fast-check';
import { DEFAULT_DEFINITION } from '#libs/events';
import {
  type BoardEvent,
  BoardHistory,
  BoardWorkers,
  boardSteps,
  boardsOf,
  cut,
  deliver,
  openTestLog,
  pendingOf,
  repeated,
  type Step,
  stateOf,
  type TestLog,
} from '#libs/testing';
import { type LeaderboardEvent, LeaderboardReader, leaderboards } from './index.js';

jest.setTimeout(120_000);

describe('boards with periods, sources and filters', () => {
  const check = async (
    history: (boards: string[]) => fc.Arbitrary<Step[]>,
    shareOf: (any: fc.GeneratorValue, events: BoardEvent[]) => BoardEvent[][][],
  ) => {
    const property = fc.asyncProperty(fc.gen(), async any => {
      const test = await openTestLog({ scores: 2, players: 1 });
      try {
        const appended = new BoardHistory(test);
        for (const step of any(history, boardsOf(test, 4))) await appended.append(step);
        const cluster = new BoardWorkers(test);
        for (const keys of test.topology.all('scores')) {
          const events = await deliver<LeaderboardEvent>(test, keys, leaderboards.name);
          expect(await cluster.project(keys, shareOf(any, events))).toBe(events.length);
          expect(await pendingOf(test, keys, leaderboards.name)).toBe(0);
        }
        const live = await statesOf(test);
        const verified = await cluster.run({ kind: 'verify' });
        expect(verified).toMatchObject({ state: 'done', result: { differences: 0 } });
        expect(await cluster.run({ kind: 'rebuild' })).toMatchObject({ state: 'done' });
        expect(await statesOf(test)).toEqual(live);
      } finally {
        await test.close();
      }
    });
    await fc.assert(property, {
      numRuns: 100,
      endOnFailure: true,
      interruptAfterTimeLimit: 60_000,
      markInterruptAsFailure: true,
    });
  };

  it('lose what their source had before its removal, also when the source was rebuilt before that took effect', async () => {
    const test = await openTestLog({ scores: 1, players: 1 });
    try {
      const history = new BoardHistory(test);
      const score = { kind: 'score', board: 'source', score: 1, region: undefined } as const;
      await history.append({ ...score, player: 'early' });
      await history.append({ kind: 'remove', board: 'source' });
      const definition = { ...DEFAULT_DEFINITION, source: 'source' };
      await history.append({ kind: 'define', board: 'derived', definition });
      await history.append({ ...score, player: 'late' });
      const keys = test.topology.at('scores', 0);
      const events = await deliver<LeaderboardEvent>(test, keys, leaderboards.name);
      const having = (type: LeaderboardEvent) => events.filter(event => event.type === type);
      const cluster = new BoardWorkers(test);
      await cluster.project(keys, [[having('BoardDefined'), having('ScoreSubmitted')]]);
      await cluster.run({ kind: 'rebuild', board: 'source' });
      expect(await cluster.project(keys, [[having('BoardRemoved')]])).toBe(1);
      const page = await new LeaderboardReader(test.redis, test.topology).read('derived', {
        from: { offset: 0 },
        length: 10,
      });
      expect(page.entries.map(({ player }) => player)).toEqual(['late']);
      expect(await cluster.run({ kind: 'verify' })).toMatchObject({ result: { differences: 0 } });
    } finally {
      await test.close();
    }
  });

  it('are what a rebuild makes of the log, when one worker lives it in order', () =>
    check(boardSteps, (_, events) => [[events]]));

  it('are what a rebuild makes of the log, whatever two workers are given in which order and how often', () =>
    check(boardSteps, (any, events) => {
      const share = () => any(cut, any(repeated, events));
      return [share(), share()];
    }));
});

const statesOf = (test: TestLog) => Promise.all(test.topology.all('scores').map(keys => stateOf(test, keys)));
