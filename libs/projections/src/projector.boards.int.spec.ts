import { jest } from '@jest/globals';
import fc from 'fast-check';
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
import { type LeaderboardEvent, leaderboards } from './index.js';

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

  it('are what a rebuild makes of the log, when one worker lives it in order', () =>
    check(boardSteps, (_, events) => [[events]]));

  it('are what a rebuild makes of the log, whatever two workers are given in which order and how often', () =>
    check(boardSteps, (any, events) => {
      const share = () => any(cut, any(repeated, events));
      return [share(), share()];
    }));
});

const statesOf = (test: TestLog) => Promise.all(test.topology.all('scores').map(keys => stateOf(test, keys)));
