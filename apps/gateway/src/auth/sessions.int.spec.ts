import { createHash } from 'node:crypto';
import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { credentialsKey, failedPlayerLoginsKey, playerSessionsKey, sessionKey } from '#libs/players';
import { keysLike, openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';
import { MAX_SESSIONS, SESSION_LIFETIME_MS } from './sessions.js';

const SERVER_KEY = 'a-server-key-of-20-characters';
/** What to send and how; all else are headers. */
interface Options {
  readonly body?: object;
  readonly gateway?: NestFastifyApplication;
  readonly address?: string;
  readonly [header: string]: unknown;
}

const HOUR = 60 * 60 * 1_000;

describe('sessions', () => {
  let test: TestLog;
  let app: NestFastifyApplication;
  /** Another gateway on the same log. */
  let other: NestFastifyApplication;

  const open = (environment: Record<string, string> = {}) =>
    openTestGateway(test, { SERVER_KEYS: SERVER_KEY, ...environment });
  beforeAll(async () => {
    test = await openTestLog();
    app = await open({ TRUST_PROXY: '10.0.0.0/8' });
    other = await open();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await app.close();
    await other.close();
    await test.close();
  });

  const send = async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    { body, gateway = app, address = '127.0.0.1', ...headers }: Options = {},
  ) => {
    const answer = await gateway.inject({
      ...{ method, url, remoteAddress: address },
      headers: headers as Record<string, string>,
      ...(body !== undefined && { payload: body }),
    });
    const { statusCode: status, body: text } = answer;
    return { status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  const enter = (body: object = {}, options: Options = {}) =>
    send('POST', '/v1/sessions', { ...options, body });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const cookie = (token: string) => ({ cookie: `questlog_session=${token}` });
  const current = (credentials: Options) => send('GET', '/v1/sessions/current', credentials);
  const guest = async (): Promise<{ playerId: string; token: string; secret: string }> =>
    (await enter()).body;
  const keyOf = (token: string) =>
    sessionKey(test.prefix, createHash('sha256').update(token).digest('base64url'));
  const inSevenDays = (text: string) => Math.abs(Date.parse(text) - Date.now() - SESSION_LIFETIME_MS) < 5_000;

  describe('of a new guest', () => {
    it('return the player, a token, a secret and the expiry time', async () => {
      const { status, headers, body } = await enter();
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['expiresAt', 'playerId', 'secret', 'token']);
      expect(body.playerId).toMatch(/^p[a-z2-7]{20}$/);
      expect(body.token).toMatch(/^[\w-]{43}$/);
      expect(body.secret).toMatch(/^[\w-]{32}$/);
      expect(inSevenDays(body.expiresAt)).toBe(true);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['set-cookie']).toBe(
        `questlog_session=${body.token}; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800`,
      );
    });

    it('store neither the token nor the secret in Redis, and nothing in the log', async () => {
      const { playerId, token, secret } = await guest();
      const keys = test.topology.of('players', playerId);
      const kept = [
        await keysLike(test.redis, `${test.prefix}:*`),
        await test.redis.hgetall(credentialsKey(keys)),
        await test.redis.lrange(playerSessionsKey(keys, playerId), 0, -1),
        await test.redis.get(keyOf(token)),
      ];
      expect(JSON.stringify(kept)).toContain(playerId);
      for (const hidden of [token, secret]) expect(JSON.stringify(kept)).not.toContain(hidden);
      expect(await test.redis.xlen(keys.stream)).toBe(0);
    });

    it.each([
      [{ playerId: 'ada' }],
      [{ secret: 'x' }],
      [{ playerId: null, secret: null }],
      [{ playerId: 'a b', secret: 'x' }],
      [{ playerId: 'ada', secret: 5 }],
      [{ playerId: 'ada', secret: 'x'.repeat(129) }],
      [{ name: 'Ada' }],
      [[]],
    ])('are refused for the body %j', async body => {
      expect(await enter(body)).toMatchObject({ status: 400, body: { status: 400 } });
    });

    it('are refused without a body, which another site could send', async () => {
      expect((await send('POST', '/v1/sessions')).status).toBe(400);
    });

    it('have a Secure cookie when a trusted proxy reports TLS', async () => {
      const forwarded = { 'x-forwarded-proto': 'https' };
      expect((await enter({}, { ...forwarded, address: '10.0.0.1' })).headers['set-cookie']).toMatch(
        /; Secure$/,
      );
      expect((await enter({}, { ...forwarded, address: '9.0.0.1' })).headers['set-cookie']).not.toMatch(
        /Secure/,
      );
    });
  });

  describe('of a returning player', () => {
    it('are added to the older ones, and return no secret', async () => {
      const { playerId, secret, token } = await guest();
      const { status, body } = await enter({ playerId, secret });
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['expiresAt', 'playerId', 'token']);
      expect(body.playerId).toBe(playerId);
      expect(body.token).not.toBe(token);
      for (const each of [token, body.token])
        expect((await current(bearer(each))).body.playerId).toBe(playerId);
    });

    it('get the same answer for a wrong secret and an unknown player', async () => {
      const { playerId } = await guest();
      const wrong = await enter({ playerId, secret: 'wrong' });
      const unknown = await enter({ playerId: 'nobody', secret: 'wrong' });
      expect(wrong).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': expect.stringContaining('Bearer') },
      });
      expect(unknown.body).toEqual(wrong.body);
    });

    it('are refused after ten failures, even with the right secret, until the window ends', async () => {
      const { playerId, secret } = await guest();
      const attempts = await Promise.all(
        Array.from({ length: 14 }, () => enter({ playerId, secret: 'wrong' })),
      );
      expect(attempts.map(({ status }) => status).sort()).toEqual([
        ...Array(10).fill(401),
        ...Array(4).fill(429),
      ]);
      const refused = await enter({ playerId, secret }, { gateway: other });
      expect(refused).toMatchObject({ status: 429, body: { type: 'urn:questlog:too-many-logins' } });
      const seconds = Number(refused.headers['retry-after']);
      expect(seconds).toBeGreaterThan(890);
      expect(seconds).toBeLessThanOrEqual(900);
      const counter = failedPlayerLoginsKey(test.topology.of('players', playerId), playerId);
      await test.redis.pexpire(counter, 0);
      expect((await enter({ playerId, secret })).status).toBe(201);
    });

    it('are refused after 50 failures from one address, for any players', async () => {
      const { playerId, secret } = await guest();
      const from = (address: string, body: object) =>
        enter(body, { address: '10.0.0.1', 'x-forwarded-for': `1.1.1.1, ${address}` });
      for (let i = 0; i < 50; i++)
        expect((await from('9.9.9.9', { playerId: `p${i}`, secret: 'wrong' })).status).toBe(401);
      expect((await from('9.9.9.9', { playerId, secret })).status).toBe(429);
      expect((await from('9.9.9.8', { playerId, secret })).status).toBe(201);
    });

    it('count failures by IPv6 network, and put only valid addresses into keys', async () => {
      const from = (address: string) =>
        enter({ playerId: 'nobody', secret: 'wrong' }, { address: '10.0.0.1', 'x-forwarded-for': address });
      for (const address of ['2001:db8::1', '2001:db8::2', '{p0}:log', 'a b']) await from(address);
      const keys = await keysLike(test.redis, `${test.prefix}:failed-logins:*`);
      expect(keys).toContain(`${test.prefix}:failed-logins:2001:db8:0:0`);
      expect(keys).toContain(`${test.prefix}:failed-logins:unknown`);
      expect(keys.filter(key => /::1|::2|log$|a b/.test(key))).toEqual([]);
    });

    it('do not count as failures when they succeed', async () => {
      const { playerId, secret } = await guest();
      for (let i = 0; i < 12; i++) expect((await enter({ playerId, secret })).status).toBe(201);
      expect(
        await test.redis.exists(failedPlayerLoginsKey(test.topology.of('players', playerId), playerId)),
      ).toBe(0);
    });

    it('close the oldest when there are too many', async () => {
      const { playerId, secret, token } = await guest();
      const { body: second } = await enter({ playerId, secret });
      for (let i = 2; i <= MAX_SESSIONS; i++) await enter({ playerId, secret });
      expect((await current(bearer(token))).status).toBe(401);
      expect((await current(bearer(second.token))).status).toBe(200);
      const list = playerSessionsKey(test.topology.of('players', playerId), playerId);
      expect(await test.redis.llen(list)).toBe(MAX_SESSIONS);
    }, 30_000);
  });

  describe('that are open', () => {
    it('are found by their token, as bearer or as cookie, and the cookie is renewed', async () => {
      const { playerId, token } = await guest();
      const shown = await current(bearer(token));
      expect(shown).toMatchObject({ status: 200, body: { playerId, expiresAt: expect.any(String) } });
      expect(shown.headers['set-cookie']).toBeUndefined();
      const browser = await current(cookie(token));
      expect(browser.body.playerId).toBe(playerId);
      expect(browser.headers['set-cookie']).toContain(`=${token}; HttpOnly`);
    });

    it('last another seven days after GET current', async () => {
      const { token } = await guest();
      await test.redis.pexpire(keyOf(token), 30_000);
      const { body } = await current(bearer(token));
      expect(inSevenDays(body.expiresAt)).toBe(true);
      expect(await test.redis.pttl(keyOf(token))).toBeGreaterThan(SESSION_LIFETIME_MS - 5_000);
    });

    it('are extended by use, with at most one write to Redis an hour', async () => {
      const { playerId, token } = await guest();
      const use = () => send('GET', `/v1/players/${playerId}/scores`, cookie(token));
      await test.redis.pexpire(keyOf(token), SESSION_LIFETIME_MS - HOUR + 10_000);
      expect((await use()).headers['set-cookie']).toBeUndefined();
      expect(await test.redis.pttl(keyOf(token))).toBeLessThanOrEqual(SESSION_LIFETIME_MS - HOUR + 10_000);
      await test.redis.pexpire(keyOf(token), SESSION_LIFETIME_MS - HOUR);
      expect((await use()).headers['set-cookie']).toContain('Max-Age=604800');
      expect(await test.redis.pttl(keyOf(token))).toBeGreaterThan(SESSION_LIFETIME_MS - 5_000);
    });

    it('end by the clock of Redis', async () => {
      const { token } = await guest();
      await test.redis.pexpire(keyOf(token), 0);
      expect((await current(bearer(token))).status).toBe(401);
    });

    it('end at once on every gateway when closed, and leave other sessions open', async () => {
      const { playerId, secret, token } = await guest();
      const { body: second } = await enter({ playerId, secret });
      const before = await current({ ...bearer(token), gateway: other });
      expect(before.status).toBe(200);
      const closed = await send('DELETE', '/v1/sessions/current', cookie(token));
      expect(closed).toMatchObject({
        status: 204,
        headers: { 'set-cookie': expect.stringContaining('Max-Age=0') },
      });
      for (const gateway of [app, other]) {
        expect((await current({ ...bearer(token), gateway })).status).toBe(401);
        expect((await current({ ...cookie(token), gateway })).status).toBe(401);
        expect((await current({ ...bearer(second.token), gateway })).status).toBe(200);
      }
      expect((await send('DELETE', '/v1/sessions/current', bearer(token))).status).toBe(401);
      const list = playerSessionsKey(test.topology.of('players', playerId), playerId);
      expect(await test.redis.llen(list)).toBe(1);
    });

    it('get 503 while Redis is away, whether the token is known or not', async () => {
      const { token } = await guest();
      jest.spyOn(test.redis, 'evalsha').mockRejectedValue(new Error('Connection is closed.'));
      const away = await current(bearer(token));
      expect(away).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
      jest.restoreAllMocks();
      expect((await current(bearer(token))).status).toBe(200);
    });

    it('do not exist for a key', async () => {
      for (const method of ['GET', 'DELETE'] as const) {
        expect(await send(method, '/v1/sessions/current', bearer(SERVER_KEY))).toMatchObject({
          status: 401,
          body: { detail: expect.stringContaining('a key has no session') },
        });
        expect((await send(method, '/v1/sessions/current')).status).toBe(401);
      }
    });
  });

  describe('let a player', () => {
    const eve = '/v1/players/eve';

    it('write and read only their own data', async () => {
      const { playerId, token } = await guest();
      const own = `/v1/players/${playerId}`;
      const as = bearer(token);
      expect((await send('PUT', `${own}/saves/auto`, { ...as, body: { n: 1 } })).status).toBe(202);
      expect((await send('PATCH', own, { ...as, body: { name: 'Ada' } })).status).toBe(202);
      expect((await send('GET', `${own}/scores`, as)).status).toBe(200);
      expect((await send('PUT', `${eve}/saves/auto`, { ...as, body: { n: 1 } })).status).toBe(403);
      expect((await send('GET', `${eve}/saves/auto`, as)).status).toBe(403);
      expect((await send('PATCH', eve, { ...as, body: { name: 'Eve' } })).status).toBe(403);
      expect((await send('GET', `${eve}/scores`, as)).status).toBe(403);
    });

    it('submit only their own scores', async () => {
      const { playerId, token } = await guest();
      const submit = (player?: string) =>
        send('POST', '/v1/leaderboards/arena/scores', { ...bearer(token), body: { score: 1, player } });
      for (const player of [undefined, 'me', playerId]) expect((await submit(player)).status).toBe(202);
      expect((await submit('eve')).status).toBe(403);
      const { body } = await send('POST', '/v1/scores', {
        ...bearer(token),
        body: {
          scores: [
            { board: 'arena', score: 2 },
            { board: 'arena', player: 'eve', score: 2 },
          ],
        },
      });
      expect(body.results).toEqual([
        { eventId: expect.any(String) },
        expect.objectContaining({ status: 403 }),
      ]);
    });

    it('not use the routes of servers and operators', async () => {
      const { playerId, token } = await guest();
      const as = bearer(token);
      expect((await send('GET', '/v1/admin/streams', as)).status).toBe(403);
      expect((await send('PUT', '/v1/leaderboards/arena', { ...as, body: {} })).status).toBe(403);
      expect((await send('PUT', `/v1/players/${playerId}/ban`, as)).status).toBe(403);
      const ndjson = { 'content-type': 'application/x-ndjson' };
      expect(
        (await send('POST', '/v1/scores/import', { ...as, ...ndjson, body: Buffer.from('') })).status,
      ).toBe(403);
    });

    it('use "me" for themselves, also on public routes', async () => {
      const { playerId, token } = await guest();
      const as = cookie(token);
      expect((await send('PUT', '/v1/players/me/saves/auto', { ...as, body: { n: 1 } })).status).toBe(202);
      expect((await send('GET', '/v1/players/me/scores', as)).body.player).toBe(playerId);
      expect((await send('GET', '/v1/players/me/entries', as)).body.player).toBe(playerId);
      expect((await send('GET', '/v1/leaderboards/arena/entries/me', as)).body.detail).toContain(playerId);
      expect((await send('GET', '/v1/players/me', as)).body).toEqual({ playerId });
      const lookup = (credentials: Options) =>
        send('POST', '/v1/leaderboards/arena/lookup', { ...credentials, body: { players: ['me', 'eve'] } });
      expect((await lookup(as)).status).toBe(200);
      expect((await lookup({})).status).toBe(401);
      expect((await lookup(bearer(SERVER_KEY))).status).toBe(400);
      expect((await send('GET', '/v1/players/me/entries')).status).toBe(401);
      expect((await send('GET', '/v1/players/me/entries', bearer('forged'))).status).toBe(401);
      expect((await send('GET', '/v1/players/me/entries', bearer(SERVER_KEY))).status).toBe(400);
    });

    it('read public data with an invalid token', async () => {
      expect((await send('GET', '/v1/players/ada/entries', bearer('forged'))).status).toBe(200);
      expect((await send('GET', '/v1/players/ada/entries', cookie('forged'))).status).toBe(200);
    });
  });

  describe('in a cookie', () => {
    it('are ignored when there is an Authorization header, even an invalid one', async () => {
      const [mine, theirs] = [await guest(), await guest()];
      const both = { ...cookie(mine.token), ...bearer(theirs.token) };
      expect((await current(both)).body.playerId).toBe(theirs.playerId);
      expect((await current({ ...cookie(mine.token), ...bearer('forged') })).status).toBe(401);
      expect((await current({ ...cookie(mine.token), authorization: 'Basic YTpi' })).status).toBe(401);
    });

    it('cannot be a key', async () => {
      expect((await send('GET', '/v1/players/ada/scores', cookie(SERVER_KEY))).status).toBe(401);
    });

    it('cannot be used for writes from another site', async () => {
      const { token } = await guest();
      const write = (credentials: Options, site: string) =>
        send('PUT', '/v1/players/me/saves/auto', { ...credentials, body: {}, 'sec-fetch-site': site });
      expect((await write(cookie(token), 'cross-site')).status).toBe(403);
      expect((await write(bearer(token), 'cross-site')).status).toBe(202);
      for (const site of ['same-origin', 'same-site', 'none'])
        expect((await write(cookie(token), site)).status).toBe(202);
      const read = await send('GET', '/v1/players/me/scores', {
        ...cookie(token),
        'sec-fetch-site': 'cross-site',
      });
      expect(read.status).toBe(200);
    });
  });
});
