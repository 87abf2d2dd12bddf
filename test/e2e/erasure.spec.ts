import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import type { Client } from './support/client.js';
import { Gateway } from './support/gateway.js';
import { type Guest, System } from './support/system.js';

const WAIT = { Prefer: 'wait=10' };

describe('erasing and exporting a player', () => {
  let system: System;
  let other: Gateway;
  let anonymous: Client;
  let elsewhere: Client;
  let server: Client;
  let admin: Client;
  let redis: RedisClient;

  beforeAll(async () => {
    system = await System.start({ CLAIM_IDLE_MS: '1000' });
    const { server: SERVER_KEYS, admin: ADMIN_KEYS } = system.keys;
    other = await Gateway.start(system, { SERVER_KEYS, ADMIN_KEYS });
    anonymous = system.connect();
    elsewhere = system.connect(undefined, other.port);
    server = system.client;
    admin = system.admin;
    redis = createClient(system.redisUrl, 'erasure.spec');
    await redis.connect();
  }, 60_000);
  afterAll(async () => {
    redis.disconnect();
    await other.stop();
    await system.close();
  }, 60_000);

  /** Writes something of the player to every place that keeps data. */
  const live = async ({ playerId, client, secret }: Guest, alone = 'alone') => {
    await client.send('PATCH', '/v1/players/me', { name: 'Zoe' }, WAIT);
    await client.put('/v1/players/me/saves/auto', '{"hp": 20, "big": 90071992547409931}', WAIT);
    await client.put('/v1/players/me/saves/auto', '{"hp": 21, "big": 90071992547409931}', WAIT);
    await client.put('/v1/players/me/saves/old', { hp: 1 }, WAIT);
    await client.send('DELETE', '/v1/players/me/saves/old', undefined, WAIT);
    for (const board of ['arena', alone, 'revoked'])
      await client.post(`/v1/leaderboards/${board}/scores`, { score: 7, attributes: { level: 3 } }, WAIT);
    await admin.send('DELETE', `/v1/leaderboards/revoked/entries/${playerId}`, undefined, WAIT);
    await anonymous.post('/v1/sessions', { playerId, secret: `${secret}x` });
    await anonymous.post('/v1/sessions', { playerId, secret });
  };
  const erase = (client: Client, player: string, headers: Record<string, string> = WAIT) =>
    client.send('DELETE', `/v1/players/${player}`, undefined, headers);
  /** The keys of Redis that contain the player's id. */
  const tracesOf = async (player: string) => {
    const found: string[] = [];
    for (const key of await redis.keys('*')) {
      // A stream keeps deleted entries in memory until their node is freed.
      const isStream = (await redis.type(key)) === 'stream';
      const held = isStream ? JSON.stringify(await redis.xrange(key, '-', '+')) : await redis.dumpBuffer(key);
      if (key.includes(player) || held?.includes(player)) found.push(key);
    }
    return found;
  };
  const hasNoTrace = (player: string) =>
    eventually(async () => expect(await tracesOf(player)).toEqual([]), 20_000);
  const verify = async () => {
    for (const projection of ['ranking', 'scores', 'saves']) {
      const { body } = await admin.post('/v1/admin/verifications', { projection });
      await eventually(async () => {
        const { body: job } = await admin.get(`/v1/admin/verifications/${body.id}`);
        expect(job).toMatchObject({ state: 'done', differences: 0 });
      }, 20_000);
    }
  };

  it('exports all that there is, for the player and for operators', async () => {
    const zoe = await system.guest();
    await live(zoe);
    const { status, headers, text, body } = await zoe.client.get('/v1/players/me/export');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-disposition': `attachment; filename="${zoe.playerId}.json"`,
      'cache-control': 'no-store',
    });
    expect(body).toMatchObject({
      player: zoe.playerId,
      profile: { name: 'Zoe' },
      hasSecret: true,
      banned: false,
      sessions: [{ expiresAt: expect.any(String) }, { expiresAt: expect.any(String) }],
      scores: { arena: { best: 7 }, alone: { best: 7 } },
      saves: [{ slot: 'auto', version: 2 }],
    });
    expect(text).toContain('"document":{"hp": 21, "big": 90071992547409931}');
    expect(body.entries.map(({ board }: { board: string }) => board).sort()).toEqual(['alone', 'arena']);
    const { body: trail } = await admin.get(`/v1/admin/players/${zoe.playerId}/events?limit=1000`);
    const order = (a: { eventId: string }, b: { eventId: string }) => (a.eventId < b.eventId ? -1 : 1);
    expect([...body.events].sort(order)).toEqual([...trail.events].sort(order));
    expect(body.events).toHaveLength(9);
    expect((await admin.get(`/v1/players/${zoe.playerId}/export`)).body).toMatchObject({
      events: body.events,
    });
  });

  it('is refused to others and to game servers', async () => {
    const [zoe, mallory] = [await system.guest(), await system.guest()];
    for (const client of [mallory.client, server]) {
      expect((await client.get(`/v1/players/${zoe.playerId}/export`)).status).toBe(403);
      expect((await erase(client, zoe.playerId)).status).toBe(403);
    }
    expect((await erase(anonymous, zoe.playerId)).status).toBe(401);
    expect((await anonymous.send('DELETE', '/v1/players/me', undefined, mallory.browser)).status).toBe(202);
    expect((await zoe.client.get('/v1/sessions/current')).status).toBe(200);
  });

  it('erases the caller: at once from every gateway, and then from all of Redis', async () => {
    const zoe = await system.guest();
    await server.post('/v1/leaderboards/arena/scores', { player: 'ada', score: 3 }, WAIT);
    await live(zoe, 'private');
    const accepted = await anonymous.send('DELETE', '/v1/players/me', undefined, zoe.browser);
    expect(accepted).toMatchObject({ status: 202, body: { status: 'accepted' } });
    expect(accepted.headers['set-cookie']?.[0]).toContain('Max-Age=0');
    expect((await system.connect(zoe.token, other.port).get('/v1/sessions/current')).status).toBe(401);
    expect((await elsewhere.get('/v1/sessions/current', zoe.browser)).status).toBe(401);
    const { playerId, secret } = zoe;
    expect((await elsewhere.post('/v1/sessions', { playerId, secret })).status).toBe(401);
    await hasNoTrace(playerId);
    const read = (path: string) => admin.get(`${path}?ifApplied=${accepted.body.eventId}`);
    expect((await read(`/v1/players/${playerId}`)).body).toEqual({ playerId });
    expect((await read(`/v1/players/${playerId}/saves`)).body.saves).toEqual([]);
    expect((await read(`/v1/players/${playerId}/saves/auto/history`)).body).not.toMatchObject({
      versions: [expect.anything()],
    });
    expect((await read(`/v1/players/${playerId}/scores`)).body.boards).toEqual({});
    expect((await read(`/v1/admin/players/${playerId}/events`)).body.events).toEqual([]);
    expect((await read(`/v1/leaderboards/arena/entries/${playerId}`)).status).toBe(404);
    expect((await read('/v1/leaderboards/private')).status).toBe(404);
    expect((await read('/v1/leaderboards/arena/entries/ada')).body).toMatchObject({ rank: 2, total: 2 });
    await verify();
    const { body } = await admin.get('/v1/admin/streams');
    const streams = body.streams as { groups: { lag: number | null; pending: number }[] }[];
    for (const { lag, pending } of streams.flatMap(({ groups }) => groups))
      expect([lag, pending]).toEqual([0, 0]);
  }, 60_000);

  it('erases for an operator, who can wait for it, and the id begins anew', async () => {
    await server.put('/v1/players/eve-adam/saves/auto', { hp: 1 }, WAIT);
    await server.post('/v1/leaderboards/arena/scores', { player: 'eve-adam', score: 3 }, WAIT);
    await admin.put('/v1/players/eve-adam/ban', undefined, WAIT);
    const key = { ...WAIT, 'Idempotency-Key': 'erase-eve' };
    const { status, body } = await erase(admin, 'eve-adam', key);
    expect({ status, body }).toEqual({
      status: 200,
      body: { eventId: expect.any(String), status: 'applied', player: 'eve-adam', erased: true },
    });
    expect((await admin.get('/v1/players/eve-adam/saves')).body.saves).toEqual([]);
    await hasNoTrace('eve-adam');
    const again = await erase(admin, 'eve-adam', key);
    expect(again).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
    expect(again.body).toEqual(body);
    const saved = await server.put('/v1/players/eve-adam/saves/auto', { hp: 2 }, WAIT);
    expect(saved).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    await server.post('/v1/leaderboards/arena/scores', { player: 'eve-adam', score: 1 }, WAIT);
    expect((await admin.get('/v1/leaderboards/arena/entries/eve-adam')).body.score).toBe(1);
    await verify();
  }, 60_000);

  it('takes nothing of the player meanwhile, and goes on after whoever did it was killed', async () => {
    await server.put('/v1/players/max-power/saves/auto', { hp: 1 }, WAIT);
    const scores = Array.from({ length: 1_000 }, (_, i) => ({
      board: `b${i % 50}`,
      player: 'max-power',
      score: i,
    }));
    await server.post('/v1/scores', { scores }, WAIT);
    const workers = ['scores', 'saves', 'ranking-projector'];
    const stop = (signal: NodeJS.Signals) => {
      for (const worker of workers) process.kill(system.pids()[worker] ?? 0, signal);
    };
    stop('SIGSTOP');
    expect((await erase(admin, 'max-power', {})).status).toBe(202);
    const refused = await server.put('/v1/players/max-power/saves/auto', { hp: 2 });
    expect(refused).toMatchObject({ status: 409, body: { type: 'urn:questlog:being-erased' } });
    stop('SIGCONT');
    // Each worker may be the one that erases, and at any point.
    for (const worker of workers) process.kill(system.pids()[worker] ?? 0, 'SIGKILL');
    await hasNoTrace('max-power');
    await verify();
  }, 60_000);
});
