import { jest } from '@jest/globals';
import fc from 'fast-check';
import { type PartitionKeys, shardOf, shardsOf } from '#libs/event-log';
import { DEFAULT_DEFINITION, type NewEvent } from '#libs/events';
import { stateKeys } from '#libs/projections';
import {
  type BoardEvent,
  BoardHistory,
  BoardWorkers,
  boardIn,
  boardSteps,
  boardsOf,
  cut,
  deliver,
  openTestLog,
  pendingOf,
  repeated,
  runs,
  SERVER,
  type Step,
  stateOf,
  type TestLog,
} from '#libs/testing';
import type { LeaderboardEvent } from '../definitions/rules-changes.js';
import { runsKey } from '../keys.js';
import { LeaderboardReader } from '../readers/leaderboard.reader.js';
import { leaderboards } from './leaderboard.store.js';

jest.setTimeout(300_000);

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
      numRuns: runs(100),
      endOnFailure: true,
      // A busy machine takes four times as long.
      interruptAfterTimeLimit: 240_000,
      markInterruptAsFailure: true,
    });
  };

  it('lose scores from before the removal of their source, even if the source was rebuilt before the removal was applied', async () => {
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

  it('count in a shard the scores after their last creation, in whatever order the events are delivered', () => {
    const property = fc.asyncProperty(fc.gen(), async any => {
      const test = await openTestLog({ scores: 2, players: 1 });
      try {
        const [, shard] = shardsOf(test.topology, 'arena', 2) as [PartitionKeys, PartitionKeys];
        const names = Array.from({ length: 50 }, (_, i) => `p${i}`);
        const [early = '', late = '', later = ''] = names.filter(
          player => shardOf(test.topology, 'arena', player, 2) === shard,
        );
        const at = (ms: number) => ({ ms, seq: 0 });
        const definition = { ...DEFAULT_DEFINITION, shards: 2 };
        const defined = (ms: number, born: number) => {
          const data = { board: 'arena', definition, born: at(born) };
          return test.log.copyTo(shard, { type: 'BoardDefined', data, actor: SERVER }, at(ms));
        };
        const submit = (player: string) =>
          test.log.append(
            { type: 'ScoreSubmitted', data: { board: 'arena', player, score: 1 }, actor: SERVER },
            { shards: 2 },
          );
        await defined(1, 1);
        await submit(early);
        await defined(3, 3);
        await submit(late);
        // The removal in between was delivered late.
        const removed = { type: 'BoardRemoved', data: { board: 'arena' }, actor: SERVER } as const;
        await test.log.copyTo(shard, removed, at(2));
        await defined(4, 3);
        await submit(later);
        const events = await deliver<LeaderboardEvent>(test, shard, leaderboards.name);
        const cluster = new BoardWorkers(test);
        const share = () => any(cut, any(repeated, events));
        expect(await cluster.project(shard, [share(), share()])).toBe(events.length);
        const players = await test.redis.hkeys(runsKey(stateKeys(shard, 1), 'arena'));
        expect(players.sort()).toEqual([late, later].sort());
        expect(await cluster.run({ kind: 'verify' })).toMatchObject({ result: { differences: 0 } });
      } finally {
        await test.close();
      }
    });
    return fc.assert(property, { numRuns: runs(150), endOnFailure: true });
  });

  it.each(['after', 'before'])(
    'are known as elsewhere alike, when that is told %s the beginning of a shard of their source',
    async order => {
      const test = await openTestLog({ scores: 2, players: 1 });
      try {
        const [, shard] = shardsOf(test.topology, 'arena', 2) as [PartitionKeys, PartitionKeys];
        const board = boardIn(test.topology, shard.partition, 'derived');
        const define = (data: NewEvent<'BoardDefined'>['data']) =>
          ({ type: 'BoardDefined', data, actor: SERVER }) as const;
        const born = { ms: 1, seq: 0 };
        const arena = { board: 'arena', definition: { ...DEFAULT_DEFINITION, shards: 2 }, born };
        await test.log.copyTo(shard, define(arena), born);
        // As after a crash: the copy in the partition of the source was never appended.
        await test.log.append(define({ board, definition: { ...DEFAULT_DEFINITION, source: 'arena' } }));
        const events = await deliver<LeaderboardEvent>(test, shard, leaderboards.name);
        const cluster = new BoardWorkers(test);
        const batches = [order === 'after' ? events : events.toReversed()];
        expect(await cluster.project(shard, [batches])).toBe(2);
        expect(await cluster.run({ kind: 'verify' })).toMatchObject({ result: { differences: 0 } });
      } finally {
        await test.close();
      }
    },
  );

  it('are the same as after a rebuild, if one worker applies the events in order', () =>
    check(boardSteps, (_, events) => [[events]]));

  it('are the same as after a rebuild, whichever events two workers get, in any order and repeatedly', () =>
    check(boardSteps, (any, events) => {
      const share = () => any(cut, any(repeated, events));
      return [share(), share()];
    }));
});

const statesOf = (test: TestLog) => Promise.all(test.topology.all('scores').map(keys => stateOf(test, keys)));
