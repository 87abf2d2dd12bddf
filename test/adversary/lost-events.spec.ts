import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import type { Client } from '../e2e/support/client.js';
import { System } from '../e2e/support/system.js';

/** Milliseconds in which a loss must be noticed; twice as much on a machine that is busy with other things. */
const NOTICED_MS = 10_000;
const WORKERS = ['scores', 'saves', 'ranking-projector'];

describe('a log that loses events while the system runs', () => {
  let system: System;
  let admin: Client;
  let redis: RedisClient;
  let pids: Record<string, number>;

  beforeEach(async () => {
    system = await System.start({ SCORES_PARTITIONS: '1', PLAYERS_PARTITIONS: '1', BOARDS: 'open' });
    admin = system.admin;
    redis = createClient({ url: system.redisUrl }, 'adversary');
    await redis.connect();
    pids = system.pids();
    for (let n = 0; n < 6; n++)
      await admin.post('/v1/leaderboards/arena/scores', { player: `p${n}`, score: n }, { Prefer: 'wait=10' });
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 'ready' }), NOTICED_MS);
  }, 120_000);
  afterEach(async () => {
    // No process ended, and none was started again.
    expect(system.pids()).toEqual(pids);
    redis.disconnect();
    await system.close();
  }, 60_000);

  const readyz = async (port = system.port) => (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
  const metrics = async (port = system.port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const stream = 'ql:{s0}:log';
  const post = (path: string, body: object = {}) => admin.post(path, body);
  const letters = async () => (await admin.get('/v1/admin/dead-letters')).body.deadLetters;
  const isRanked = (player: string) =>
    eventually(
      async () =>
        expect(await admin.get(`/v1/leaderboards/arena/entries/${player}`)).toMatchObject({ status: 200 }),
      NOTICED_MS,
    );
  const isDamaged = async (lost: number) => {
    const ports = new Map([['gateway', system.port]]);
    for (const worker of WORKERS) ports.set(worker, system.healthPort(worker));
    for (const [name, port] of ports)
      await eventually(async () => {
        expect({ name, ...(await readyz(port)) }).toMatchObject({
          name,
          status: 'degraded',
          checks: { log: expect.stringContaining('accept-loss') },
        });
        const lines = (await metrics(port))
          .split('\n')
          .map(line => line.replace(/app="[^"]*",?|,app="[^"]*"/, ''));
        expect(lines.filter(line => line.includes('log-damaged'))).toEqual([
          'questlog_degraded{reason="log-damaged"} 1',
        ]);
        const total = lines.filter(line => line.startsWith('questlog_events_lost_total'));
        expect(total).toContain(`questlog_events_lost_total{stream="scores",partition="0"} ${lost}`);
      }, NOTICED_MS);
    const rebuild = { projection: 'ranking' };
    for (const path of ['/v1/admin/rebuilds', '/v1/admin/verifications'])
      expect(await post(path, rebuild)).toMatchObject({
        status: 409,
        body: { type: 'urn:questlog:log-damaged' },
      });
    await system.says('data loss');
  };
  const accept = async () => {
    const body = { stream: 'scores', partition: 0 };
    expect(await post('/v1/admin/log/accept-loss', body)).toMatchObject({ status: 200, body });
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 'ready' }), NOTICED_MS);
    const { body: job } = await post('/v1/admin/rebuilds', { projection: 'ranking' });
    await eventually(
      async () =>
        expect((await admin.get(`/v1/admin/rebuilds/${job.id}`)).body).toMatchObject({ state: 'done' }),
      NOTICED_MS,
    );
  };

  it.each<[string, () => Promise<unknown>]>([
    ['its stream is deleted', () => redis.del(stream)],
    ['everything is deleted', () => redis.flushall()],
    ['its stream is trimmed', () => redis.xtrim(stream, 'MAXLEN', 0)],
  ])(
    '%s: it says so, takes writes, and rebuilds nothing until the loss is accepted',
    async (_what, harm) => {
      await harm();
      await isDamaged(6);
      expect(await post('/v1/leaderboards/arena/scores', { player: 'later', score: 7 })).toMatchObject({
        status: 202,
      });
      await isRanked('later');
      await accept();
      await isRanked('later');
      expect(await admin.get('/v1/leaderboards/arena/entries/p1')).toMatchObject({ status: 404 });
    },
    120_000,
  );

  it('a redefinition that cannot be carried out is a dead letter, which can be retried once the loss is accepted', async () => {
    await redis.xtrim(stream, 'MAXLEN', 2);
    await admin.put('/v1/leaderboards/arena', { order: 'asc' });
    const [letter] = await eventually(async () => {
      const found = await letters();
      expect(found).toHaveLength(1);
      return found;
    }, NOTICED_MS);
    expect(letter).toMatchObject({ code: 'REBUILD_IMPOSSIBLE', error: expect.stringContaining('4 events') });
    await isDamaged(4);
    expect(await post('/v1/leaderboards/arena/scores', { player: 'later', score: 7 })).toMatchObject({
      status: 202,
    });
    await isRanked('later');
    await accept();
    expect(await post(`/v1/admin/dead-letters/${letter.id}/retry`)).toMatchObject({ status: 202 });
    await eventually(async () => {
      const { body } = await admin.get('/v1/leaderboards/arena/entries');
      expect(body.entries.map(({ score }: { score: number }) => score)).toEqual([4, 5, 7]);
    }, 60_000);
    expect(await letters()).toEqual([]);
  }, 120_000);

  it('a consumer group that is deleted applies nothing twice, and is mended by a rebuild', async () => {
    const sum = { board: 'total', order: 'desc', operator: 'sum' };
    const { board, ...definition } = sum;
    await admin.put(`/v1/leaderboards/${board}`, definition);
    for (let n = 0; n < 3; n++)
      await admin.post(
        `/v1/leaderboards/${board}/scores`,
        { player: 'ada', score: 10 },
        { Prefer: 'wait=10' },
      );
    await redis.xgroup('DESTROY', stream, 'ranking-projector');
    await eventually(
      async () =>
        expect(await readyz()).toMatchObject({
          status: 'degraded',
          checks: { log: expect.stringContaining('rebuild') },
        }),
      NOTICED_MS,
    );
    await admin.post(`/v1/leaderboards/${board}/scores`, { player: 'ada', score: 10 }, { Prefer: 'wait=10' });
    const score = async () => (await admin.get(`/v1/leaderboards/${board}/entries/ada`)).body.score;
    expect(await score()).toBe(40);
    const { body: job } = await post('/v1/admin/rebuilds', { projection: 'ranking' });
    await eventually(
      async () =>
        expect((await admin.get(`/v1/admin/rebuilds/${job.id}`)).body).toMatchObject({ state: 'done' }),
      NOTICED_MS,
    );
    expect(await score()).toBe(40);
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 'ready' }), NOTICED_MS);
  }, 120_000);

  it('a consumer group that skips events is mended by a rebuild', async () => {
    const worker = pids['ranking-projector'] as number;
    process.kill(worker, 'SIGSTOP');
    try {
      for (const player of ['skipped', 'skipped-too'])
        await post('/v1/leaderboards/arena/scores', { player, score: 9 });
      await redis.xgroup('SETID', stream, 'ranking-projector', '$');
    } finally {
      process.kill(worker, 'SIGCONT');
    }
    // A read that was waiting was answered for the frozen worker: what it has, it applies.
    const skipped = await eventually(async () => {
      const { checks } = await readyz();
      const [, events] = /ranking-projector has not applied (\d+) events.*rebuild/.exec(checks.log) ?? [];
      expect(Number(events)).toBeGreaterThan(0);
      return events;
    }, NOTICED_MS);
    expect(await metrics()).toMatch(
      new RegExp(`^questlog_events_lost_total\\{[^}]*group="ranking-projector"[^}]*\\} ${skipped}$`, 'm'),
    );
    await system.says('data loss');
    const { body: job } = await post('/v1/admin/rebuilds', { projection: 'ranking' });
    await eventually(
      async () =>
        expect((await admin.get(`/v1/admin/rebuilds/${job.id}`)).body).toMatchObject({ state: 'done' }),
      NOTICED_MS,
    );
    for (const player of ['skipped', 'skipped-too']) await isRanked(player);
    await eventually(async () => expect(await readyz()).toMatchObject({ status: 'ready' }), NOTICED_MS);
  }, 120_000);
});
