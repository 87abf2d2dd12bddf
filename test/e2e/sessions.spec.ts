import { createHash } from 'node:crypto';
import { sessionKey } from '#libs/players';
import { createClient, type RedisClient } from '#libs/redis';
import { SharedSystem } from './support/system.js';

const WAIT = { Prefer: 'wait=5' };
const WEEK = 7 * 24 * 60 * 60 * 1_000;

describe('a player', () => {
  const system = new SharedSystem();
  const anonymous = system.connect();
  let redis: RedisClient;

  beforeAll(async () => {
    redis = createClient(system.redisUrl, 'sessions.spec');
    await redis.connect();
  });
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  });

  it('starts as a guest, plays, and logs in again with the secret', async () => {
    const { playerId, secret, client } = await system.guest();
    expect((await client.put('/v1/players/me/saves/auto', { hp: 20 }, WAIT)).body).toMatchObject({
      status: 'applied',
      player: playerId,
    });
    const returned = await anonymous.post('/v1/sessions', { playerId, secret });
    expect(returned).toMatchObject({ status: 201, body: { playerId, token: expect.any(String) } });
    expect(returned.headers['set-cookie']).toEqual([
      expect.stringMatching(/^questlog_session=[\w-]{43}; HttpOnly; SameSite=Lax; Path=\/; Max-Age=604800$/),
    ]);
    expect(returned.body.secret).toBeUndefined();
    expect((await system.connect(returned.body.token).get('/v1/players/me/saves/auto')).body).toEqual({
      hp: 20,
    });
    const refused = await anonymous.post('/v1/sessions', { playerId, secret: `${secret}x` });
    expect(refused).toMatchObject({
      status: 401,
      headers: { 'content-type': expect.stringContaining('problem') },
    });
  });

  it('is "me" on every route, with a bearer token and with a cookie', async () => {
    const { playerId, client, browser } = await system.guest();
    const submitted = await client.post('/v1/leaderboards/arena/scores', { score: 7 }, WAIT);
    expect(submitted.body).toMatchObject({ status: 'applied', player: playerId, rank: expect.any(Number) });
    await anonymous.send('PATCH', '/v1/players/me', { name: 'Ada' }, { ...browser, ...WAIT });
    expect((await anonymous.get('/v1/players/me', browser)).body).toEqual({ playerId, name: 'Ada' });
    expect((await anonymous.get('/v1/me', browser)).body).toEqual({
      player: { playerId, name: 'Ada', expiresAt: expect.any(String) },
    });
    expect((await anonymous.get('/v1/players/me/scores', browser)).body.player).toBe(playerId);
    expect((await client.get('/v1/leaderboards/arena/entries/me')).body).toMatchObject({
      player: playerId,
      score: 7,
    });
    const { body } = await client.get('/v1/leaderboards/arena/around/me');
    expect(body.entries).toContainEqual(expect.objectContaining({ player: playerId, name: 'Ada' }));
    const lookup = await client.post('/v1/leaderboards/arena/lookup', { players: ['me'] });
    expect(lookup.body.entries).toMatchObject([{ player: playerId, rankInList: 1 }]);
    expect((await anonymous.get('/v1/leaderboards/arena/entries/me')).status).toBe(401);
  });

  it('cannot act for another player', async () => {
    const [mine, theirs] = [await system.guest(), await system.guest()];
    await theirs.client.put('/v1/players/me/saves/auto', { theirs: true }, WAIT);
    const save = `/v1/players/${theirs.playerId}/saves/auto`;
    for (const answer of [
      await mine.client.get(save),
      await mine.client.put(save, { mine: true }),
      await anonymous.put(save, { mine: true }, mine.browser),
      await mine.client.send('PATCH', `/v1/players/${theirs.playerId}`, { name: 'Mine' }),
      await mine.client.post('/v1/leaderboards/arena/scores', { player: theirs.playerId, score: 1 }),
      await mine.client.get('/v1/admin/streams'),
      await mine.client.put('/v1/leaderboards/arena', {}),
    ])
      expect(answer.status).toBe(403);
    expect((await theirs.client.get(save)).body).toEqual({ theirs: true });
  });

  it('stays logged in by playing', async () => {
    const { token, client } = await system.guest();
    const key = sessionKey('ql', createHash('sha256').update(token).digest('base64url'));
    await redis.pexpire(key, 60_000);
    expect((await client.get('/v1/players/me/scores')).status).toBe(200);
    expect(await redis.pttl(key)).toBeGreaterThan(WEEK - 60_000);
    await redis.pexpire(key, 60_000);
    const { body } = await client.get('/v1/sessions/current');
    expect(Date.parse(body.expiresAt) - Date.now()).toBeGreaterThan(WEEK - 60_000);
  });
});
