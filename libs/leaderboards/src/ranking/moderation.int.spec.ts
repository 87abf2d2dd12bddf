import { jest } from '@jest/globals';
import { type BoardDefinition, DEFAULT_DEFINITION, formatEventId, type RecordedEvent } from '#libs/events';
import { Projector, type RebuildListener } from '#libs/projections';
import { deliver, pendingOf, stateOf, Workers } from '#libs/testing';
import type { LeaderboardEvent } from '../definitions/rules-changes.js';
import { LeaderboardReader } from '../readers/leaderboard.reader.js';
import { leaderboards } from './leaderboard.store.js';

const SUM: BoardDefinition = { ...DEFAULT_DEFINITION, operator: 'sum' };

describe('a projector of leaderboards', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  const submit = (player: string, score: number, board = 'board') =>
    workers.append('ScoreSubmitted', { board, player, score });
  const define = (rules: BoardDefinition, board = 'board') =>
    workers.append('BoardDefined', { board, definition: rules });
  const ban = (player: string) => workers.append('PlayerBanned', { player });
  const unban = (player: string) => workers.append('PlayerUnbanned', { player });
  const revoke = (player: string) => workers.append('EntryRevoked', { board: 'board', player });

  const next = () => deliver<LeaderboardEvent>(workers.test, workers.scores, leaderboards.name);
  const project = (events: readonly RecordedEvent<LeaderboardEvent>[]) =>
    workers.project(leaderboards, events);
  const state = () => stateOf(workers.test, workers.scores);
  const pending = () => pendingOf(workers.test, workers.scores, leaderboards.name);
  /** Players and scores in rank order. */
  const board = async (name = 'board') => {
    const reader = new LeaderboardReader(workers.test.redis, workers.test.topology);
    const { entries } = await reader.read(name, { from: { offset: 0 }, length: 100 });
    return entries.map(({ player, score }) => [player, score]);
  };

  it('does not count a revoked score, even if it is delivered after its revocation', async () => {
    await submit('ada', 99);
    await revoke('ada');
    await submit('bob', 1);
    const [early, ...others] = await next();
    await project(others);
    expect(await board()).toEqual([['bob', 1]]);
    expect(early && (await project([early]))).toEqual({ applied: 1, duplicates: 0, deferred: [] });
    expect(await board()).toEqual([['bob', 1]]);
    await submit('ada', 5);
    await project(await next());
    expect(await board()).toEqual([
      ['ada', 5],
      ['bob', 1],
    ]);
  });

  it('removes a revoked entry from the board', async () => {
    await submit('ada', 99);
    await project(await next());
    await revoke('ada');
    await project(await next());
    expect(await board()).toEqual([]);
    expect((await state()).ranks).toEqual({});
  });

  it('stores but does not rank the scores of a banned player, and ranks them when the ban ends', async () => {
    await define(SUM, 'sums');
    const play = async (score: number) => {
      for (const name of ['board', 'sums']) {
        await submit('ada', score, name);
        await submit('bob', 1, name);
      }
    };
    await play(5);
    await project(await next());
    await ban('ada');
    await project(await next());
    expect(await board()).toEqual([['bob', 1]]);
    await play(7);
    await submit('ada', 3, 'new board');
    await project(await next());
    expect(await board('sums')).toEqual([['bob', 2]]);
    expect(await board('new board')).toEqual([]);
    await unban('ada');
    await project(await next());
    expect(await board()).toEqual([
      ['ada', 7],
      ['bob', 1],
    ]);
    expect(await board('sums')).toEqual([
      ['ada', 12],
      ['bob', 2],
    ]);
    expect(await board('new board')).toEqual([['ada', 3]]);
  });

  it('restores the same board after a ban without scores', async () => {
    for (const [player, score] of [['ada', 5] as const, ['bob', 5] as const]) await submit(player, score);
    await project(await next());
    const { ranks } = await state();
    await ban('ada');
    await project(await next());
    await unban('ada');
    await project(await next());
    expect((await state()).ranks).toEqual(ranks);
  });

  it('applies the later of a ban and its end, in whatever order they are delivered', async () => {
    await submit('ada', 5);
    await ban('ada');
    await unban('ada');
    const [score, banned, unbanned] = await next();
    for (const event of [unbanned, banned, score]) if (event) await project([event]);
    expect(await board()).toEqual([['ada', 5]]);
    expect(await pending()).toBe(0);
  });

  it('does not restore scores that were revoked during a ban', async () => {
    await submit('ada', 5);
    await ban('ada');
    await revoke('ada');
    await unban('ada');
    await project(await next());
    expect(await board()).toEqual([]);
  });

  describe('when a board with scores gets another definition', () => {
    it('requests a rebuild, leaves the definition pending, and continues under the old rules', async () => {
      await submit('ada', 5);
      await project(await next());
      const before = await state();
      await define(SUM);
      await submit('ada', 7);
      const events = await next();
      const onRebuild = jest.fn<RebuildListener>();
      const projector = new Projector(workers.test.redis, leaderboards, onRebuild);
      const source = { keys: workers.scores, group: leaderboards.name };
      const settlement = await projector.apply(events, source);
      expect(settlement).toEqual({ applied: 1, duplicates: 0, deferred: [events[0]?.id] });
      expect(onRebuild.mock.calls).toEqual([
        [
          'board',
          0,
          { 'b:board': expect.stringMatching(/ here \{"operator":"sum"\}$/) },
          formatEventId((events[0] as RecordedEvent).id),
        ],
      ]);
      expect(await board()).toEqual([['ada', 7]]);
      expect((await state()).hashes.rules).toEqual(before.hashes.rules);
      expect(await pending()).toBe(1);
      expect((await projector.apply(events.slice(0, 1), source)).deferred).toHaveLength(1);
      expect(onRebuild).toHaveBeenCalledTimes(2);
    });

    it('needs no rebuild for the same definition', async () => {
      await submit('ada', 5);
      await define({ ...DEFAULT_DEFINITION, order: 'desc', operator: 'best' });
      await define({ ...DEFAULT_DEFINITION, order: 'desc', operator: 'best' });
      expect(await project(await next())).toEqual({ applied: 3, duplicates: 0, deferred: [] });
      expect(await board()).toEqual([['ada', 5]]);
    });

    it('ignores an older definition that is delivered after a newer one', async () => {
      await define(SUM);
      await define({ ...DEFAULT_DEFINITION, order: 'asc', operator: 'latest' });
      const [older, newer] = await next();
      for (const event of [newer, older])
        if (event) expect(await project([event])).toMatchObject({ applied: 1 });
      await submit('ada', 5);
      await submit('ada', 7);
      await submit('bob', 6);
      await project(await next());
      expect(await board()).toEqual([
        ['bob', 6],
        ['ada', 7],
      ]);
    });
  });
});
