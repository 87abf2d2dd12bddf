import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import type { Client } from '../e2e/support/client.js';
import { System } from '../e2e/support/system.js';

/** Milliseconds; the machine may be busy with other things. */
const PATIENCE_MS = 30_000;
/** Keys that are to be harmed: those of partition 0, where `total` and `p4` are, and what belongs to no partition. */
const isTarget = (key: string) => /^ql:(\{[sp]0\}:|(topology|active-job|job-lease|eraser))/.test(key);

/** What a stranger does to a key. */
const HARMS: Readonly<Record<string, (redis: RedisClient, key: string) => Promise<unknown>>> = {
  'deletes it': (redis, key) => redis.del(key),
  'makes it a text': (redis, key) => redis.set(key, 'not what it was'),
  'makes it a list': async (redis, key) => {
    await redis.del(key);
    await redis.rpush(key, 'not what it was');
  },
  'writes garbage into it': async (redis, key) => {
    const type = await redis.type(key);
    if (type === 'hash')
      for (const field of await redis.hkeys(key)) await redis.hset(key, field, '\u0000 {"not": what it was');
    else if (type === 'stream') await redis.xadd(key, '*', 'e', '{"not": what it was');
    else if (type === 'zset') await redis.zadd(key, 1e300, 'not what it was');
    else if (type === 'string') await redis.set(key, '{"not": what it was');
  },
};

describe.each(Object.entries(HARMS))(
  'whoever %s: each key of a partition that workers read',
  (_what, harm) => {
    let system: System;
    let admin: Client;
    let redis: RedisClient;
    let pids: Record<string, number>;

    beforeEach(async () => {
      system = await System.start({
        SCORES_PARTITIONS: '2',
        PLAYERS_PARTITIONS: '2',
        BOARDS: 'open',
        CLAIM_IDLE_MS: '1000',
        MAX_DELIVERIES: '2',
      });
      admin = system.admin;
      redis = createClient({ url: system.redisUrl }, 'adversary');
      await redis.connect();
      pids = system.pids();
      for (const player of PLAYERS) await write(player, 1);
      await goesOn();
      await admin.post('/v1/admin/rebuilds', { projection: 'ranking' });
    }, 120_000);
    afterEach(async () => {
      redis.disconnect();
      await system.close();
    }, 60_000);

    const BOARDS = ['arena', 'golf', 'total', 'speed'];
    const PLAYERS = ['p1', 'p2', 'p3', 'p4'];
    const write = async (player: string, score: number) => {
      for (const board of BOARDS) await admin.post(`/v1/leaderboards/${board}/scores`, { player, score });
      await admin.put(`/v1/players/${player}/saves/auto`, { score });
      await admin.send(
        'PATCH',
        `/v1/players/${player}`,
        { name: `${player} ${score}` },
        {
          'Content-Type': 'application/merge-patch+json',
        },
      );
    };
    /** Whether the projections of the partition that nobody harms have all of its events. */
    const goesOn = () =>
      eventually(async () => {
        for (const stream of ['ql:{s1}:log', 'ql:{p1}:log']) {
          const info = (await redis.xinfo('STREAM', stream)) as string[];
          const last = info[info.indexOf('last-generated-id') + 1];
          const groups = (await redis.xinfo('GROUPS', stream)) as unknown[][];
          const ends = groups.map(flat => [
            flat[flat.indexOf('pending') + 1],
            flat[flat.indexOf('last-delivered-id') + 1],
          ]);
          expect(ends).toEqual(groups.map(() => [0, last]));
        }
      }, PATIENCE_MS);

    const readyz = async () => (await fetch(`http://127.0.0.1:${system.port}/readyz`)).json();

    it('the workers live on, and the other partition goes on', async () => {
      const keys = (await redis.keys('ql:*')).filter(isTarget).sort();
      expect(keys.length).toBeGreaterThan(10);
      for (const key of keys) await harm(redis, key).catch(() => {});
      await admin.put('/v1/leaderboards/total', { order: 'asc' });
      await admin.put('/v1/leaderboards/arena', { order: 'asc' });
      await admin.put('/v1/players/p2/ban', {});
      await admin.send('DELETE', '/v1/players/p3');
      await admin.post('/v1/admin/rebuilds', { projection: 'saves' });
      // A few rounds of looks, claims and jobs.
      for (let round = 2; round < 8; round++) {
        for (const player of ['p1', 'p4']) await write(player, round);
        await goesOn();
        await delay(1_000);
      }
      const { status } = await readyz();
      expect(status).toBe('degraded');
      // A board of the other partition was rebuilt by its new rules.
      const { body } = await admin.get('/v1/admin/dead-letters?limit=1000');
      const failed = (body?.deadLetters ?? []) as { stream: string; partition: number }[];
      expect(failed.filter(({ partition }) => partition === 1)).toEqual([]);
      expect(system.pids()).toEqual(pids);
      expect(system.output).not.toMatch(/ended unexpectedly|unhandled/i);
    }, 180_000);
  },
);

it('a board of which one key holds another type is mended by a rebuild, and its dead letters by a retry', async () => {
  const settings = { SCORES_PARTITIONS: '1', BOARDS: 'open', CLAIM_IDLE_MS: '1000', MAX_DELIVERIES: '2' };
  const system = await System.start(settings);
  const redis = createClient({ url: system.redisUrl }, 'adversary');
  try {
    await redis.connect();
    const { admin } = system;
    const submit = (score: number) => admin.post('/v1/leaderboards/arena/scores', { player: 'ada', score });
    const best = async () => (await admin.get('/v1/leaderboards/arena/entries/ada')).body.score;
    await submit(1);
    await eventually(async () => expect(await best()).toBe(1), PATIENCE_MS);
    const [key = ''] = await redis.keys('ql:{s0}:runs@*:arena');
    await redis.set(key, 'of another program');
    expect(await submit(2)).toMatchObject({ status: 202 });
    const letter = await eventually(async () => {
      const [found] = (await admin.get('/v1/admin/dead-letters')).body.deadLetters;
      expect(found).toMatchObject({ code: 'WRONG_TYPE', group: 'ranking-projector' });
      return found;
    }, PATIENCE_MS);
    expect(letter.error).toContain(`the key "${key}" holds a string where Questlog keeps a hash`);
    expect(letter.error).toContain('npm run rebuild');
    const metrics = await fetch(`http://127.0.0.1:${system.healthPort('ranking-projector')}/metrics`);
    expect(await metrics.text()).toMatch(/^questlog_events_total\{[^}]*outcome="dead"[^}]*\} 1$/m);
    const { body: job } = await admin.post('/v1/admin/rebuilds', { projection: 'ranking', board: 'arena' });
    await eventually(
      async () =>
        expect((await admin.get(`/v1/admin/rebuilds/${job.id}`)).body).toMatchObject({ state: 'done' }),
      PATIENCE_MS,
    );
    await admin.post(`/v1/admin/dead-letters/${letter.id}/retry`);
    await eventually(async () => expect(await best()).toBe(2), PATIENCE_MS);
  } finally {
    redis.disconnect();
    await system.close();
  }
}, 120_000);
