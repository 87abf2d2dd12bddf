import { jest } from '@jest/globals';
import { PartitionHarmedError } from '#libs/event-log';
import { leaderboards, scoreDocuments } from '#libs/leaderboards';
import { type AnyProjection, saves } from '#libs/maintenance';
import { type RedisClient, WrongTypeError } from '#libs/redis';
import { foldOf, NO_STATE, pendingOf, stateOf, Workers } from '#libs/testing';
import { Projector } from './projector.js';
import { stateKeys } from './state-keys.js';

const ofAda = (...values: number[]) => values.map(score => ({ player: 'ada', score }));

describe('a commit of the projector', () => {
  let workers: Workers;
  beforeEach(async () => {
    workers = await Workers.open();
  });
  afterEach(() => workers.close());

  /** A slow connection: `between` runs between the worker's read and its commit. */
  function slowed(meanwhile: () => Promise<unknown>): RedisClient {
    const { redis } = workers.test;
    const slow = Object.create(redis) as RedisClient;
    let isOver = false;
    // The first script reads the states. If the server does not have it cached, the text follows.
    for (const command of ['eval', 'evalsha'] as const) {
      slow[command] = (async (...args: [string, number, ...string[]]) => {
        const reply = await redis[command](...args);
        if (!isOver) await meanwhile();
        isOver = true;
        return reply;
      }) as RedisClient[typeof command];
    }
    return slow;
  }

  it('computes a change again if another worker has replaced the state in between', async () => {
    const { test, scores, second } = workers;
    const events = await workers.submit(ofAda(1, 20, 300), scoreDocuments.name);
    const slow = slowed(() => workers.project(scoreDocuments, events.slice(0, 1), second));
    const settlement = await workers.project(scoreDocuments, events.slice(1), slow);
    expect(settlement).toEqual({ applied: 2, duplicates: 0, deferred: [] });
    expect((await stateOf(test, scores)).hashes).toEqual(foldOf(scoreDocuments, events, scores));
  });

  it.each([
    ['leaderboards', leaderboards],
    ['score documents', scoreDocuments],
  ] as [string, AnyProjection][])(
    'of %s takes what was computed when another worker has changed something else meanwhile',
    async (_, projection) => {
      const { test, scores, second } = workers;
      const players = ['ada', 'bob', 'ada', 'bob', 'eve', 'ada'];
      const list = players.map((player, i) => ({ player, score: i === 5 ? 0 : i }));
      const events = await workers.submit(list, projection.name);
      await workers.project(projection, events.slice(0, 2));
      const ofBob = events.filter(({ data }) => 'player' in data && data.player === 'bob').slice(1);
      const others = events.slice(2).filter(event => !ofBob.includes(event));
      const runs = jest.spyOn(test.redis, 'evalsha');
      const slow = slowed(() => workers.project(projection, ofBob, second));
      expect(await workers.project(projection, others, slow)).toMatchObject({ applied: 3, deferred: [] });
      // One read, one refused commit, one commit that compared the states: nothing was computed again.
      expect(runs).toHaveBeenCalledTimes(3);
      expect((await stateOf(test, scores)).hashes).toEqual(foldOf(projection, events, scores));
    },
  );

  it.each([
    ['leaderboards', leaderboards],
    ['score documents', scoreDocuments],
    ['saves', saves],
  ] as [string, AnyProjection][])(
    'counts a batch of %s that was applied before as duplicates, and changes nothing',
    async (_, projection) => {
      const keys = workers.keysOf(projection);
      const list = ofAda(...Array(30).keys());
      const events =
        projection.stream === 'scores'
          ? await workers.submit(list, projection.name)
          : await workers.save(30, projection.name);
      expect(await workers.project(projection, events)).toMatchObject({ applied: 30 });
      const state = await stateOf(workers.test, keys);
      const again = await workers.project(projection, events, workers.second);
      expect(again).toEqual({ applied: 0, duplicates: 30, deferred: [] });
      expect(await stateOf(workers.test, keys)).toEqual(state);
    },
  );

  it.each([
    ['leaderboards', leaderboards],
    ['score documents', scoreDocuments],
  ] as [string, AnyProjection][])(
    'applies an event of %s once if the batch contains it twice',
    async (_, projection) => {
      const { test, scores } = workers;
      const events = await workers.submit(ofAda(1, 2, 3), projection.name);
      const twice = events.flatMap(event => [event, event]);
      expect(await workers.project(projection, twice)).toEqual({ applied: 3, duplicates: 3, deferred: [] });
      expect((await stateOf(test, scores)).hashes).toEqual(foldOf(projection, events, scores));
    },
  );

  it.each([
    ['that ranks', 'ranks', leaderboards],
    ['of runs', 'runs', leaderboards],
    ['of score documents', 'scores', scoreDocuments],
  ] as [string, 'ranks' | 'runs' | 'scores', AnyProjection][])(
    'changes nothing if the key %s has another type',
    async (_, kind, projection) => {
      const { test, scores } = workers;
      const keys = stateKeys(scores, 1);
      await test.redis.rpush(keys.key(kind, kind === 'scores' ? 'eve' : 'bad'), 'a list');
      const list = [{ player: 'eve', score: 2, board: 'bad' }, ...ofAda(1)];
      const events = await workers.submit(list, projection.name);
      await expect(workers.project(projection, events)).rejects.toThrow(WrongTypeError);
      expect(await stateOf(test, scores)).toEqual(NO_STATE);
      expect(await pendingOf(test, scores, projection.name)).toBe(2);
    },
  );

  describe.each([
    ['live', (redis: RedisClient, key: string) => redis.rpush(key, 'a list')],
    ['generation', (redis: RedisClient, key: string) => redis.hset(key, 'generation', 'x')],
    ['revision', (redis: RedisClient, key: string) => redis.hset(key, 'revision', '{')],
    ['barrier', (redis: RedisClient, key: string) => redis.hset(key, 'barrier', '\u0000')],
    ['base', (redis: RedisClient, key: string) => redis.hset(key, 'base:board', 'not an id')],
  ] as const)('a damaged live hash (%s)', (kind, harm) => {
    // After the first read, bases are cached, so that later damage to them does no harm.
    it.each(['before the first read', ...(kind === 'base' ? [] : ['after the first read'])])(
      'blames no event, %s',
      async when => {
        const { test, scores } = workers;
        const live = scores.live(leaderboards.name);
        const projector = new Projector(test.redis, leaderboards);
        const apply = (events: Awaited<ReturnType<typeof workers.submit>>) =>
          projector.apply(events as never, { keys: scores, group: leaderboards.name });
        if (when === 'after the first read') await apply(await workers.submit(ofAda(1), leaderboards.name));
        const backup = await test.redis.dumpBuffer(live);
        await test.redis.unlink(live);
        if (backup && when === 'after the first read') await test.redis.restore(live, 0, backup);
        if (kind === 'live') await test.redis.unlink(live);
        await harm(test.redis, live);
        const events = await workers.submit(ofAda(2, 3), leaderboards.name);
        await expect(apply(events)).rejects.toThrow(PartitionHarmedError);
        expect(await pendingOf(test, scores, leaderboards.name)).toBe(2);
        await test.redis.unlink(live);
        if (backup) await test.redis.restore(live, 0, backup);
        expect(await apply(events)).toMatchObject({ applied: 2 });
      },
    );
  });

  it('names the event types of the stream that the projection does not handle', () => {
    const forgetful = { ...leaderboards, handles: [] };
    expect(() => new Projector(workers.test.redis, forgetful)).toThrow(
      /ranking-projector does not handle ScoreSubmitted/,
    );
  });
});
