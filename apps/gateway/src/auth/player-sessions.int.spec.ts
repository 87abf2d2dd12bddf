import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { forgetLogins } from '#libs/maintenance';
import { credentialsKey, transferCodesKey } from '#libs/players';
import { keysLike, openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';
import { hashSecret } from './secret-hash.js';

const SERVER_KEY = 'a-server-key-of-20-characters';
const ADMIN_KEY = 'an-admin-key-of-20-characters';

interface Guest {
  readonly playerId: string;
  readonly token: string;
  readonly secret: string;
}

describe('on several devices', () => {
  let test: TestLog;
  let app: NestFastifyApplication;

  beforeAll(async () => {
    test = await openTestLog();
    const keys = { SERVER_KEYS: SERVER_KEY, ADMIN_KEYS: ADMIN_KEY };
    app = await openTestGateway(test, { ...keys, RATE_LIMIT: 'off' });
  });
  afterAll(async () => {
    await app.close();
    await test.close();
  });

  const send = async (
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    { token, body, address = '127.0.0.1' }: { token?: string; body?: object; address?: string } = {},
  ) => {
    const answer = await app.inject({
      ...{ method, url, remoteAddress: address },
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      ...(body && { payload: body }),
    });
    const text = answer.body;
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  };
  const guest = async (): Promise<Guest> => (await send('POST', '/v1/sessions', { body: {} })).body;
  const codeOf = async ({ token }: Guest): Promise<string> =>
    (await send('POST', '/v1/players/me/transfer-codes', { token })).body.code;
  let addresses = 0;
  const enter = (body: object, address = `10.1.0.${++addresses}`) =>
    send('POST', '/v1/sessions', { body, address });
  const isOpen = async (token: string) =>
    (await send('GET', '/v1/sessions/current', { token })).status === 200;

  describe('a transfer code', () => {
    it('has 12 symbols without look-alikes and ten minutes, and is stored hashed', async () => {
      const player = await guest();
      const { status, body, headers } = await send('POST', '/v1/players/me/transfer-codes', player);
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['code', 'expiresAt']);
      expect(body.code).toMatch(/^[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}$/);
      expect(Math.abs(Date.parse(body.expiresAt) - Date.now() - 600_000)).toBeLessThan(5_000);
      expect(headers['cache-control']).toBe('no-store');
      const names = await keysLike(test.redis, `${test.prefix}:*`);
      expect(names).toContain(transferCodesKey(test.prefix, player.playerId));
      for (const form of [body.code, body.code.replaceAll('-', '')]) expect(names.join()).not.toContain(form);
    });

    it('opens a session with a secret of its own, once, and leaves the first device as it is', async () => {
      const player = await guest();
      const code = await codeOf(player);
      const { status, body } = await enter({ code });
      expect(status).toBe(201);
      expect(Object.keys(body).sort()).toEqual(['expiresAt', 'playerId', 'secret', 'token']);
      expect(body.playerId).toBe(player.playerId);
      expect(body.secret).not.toBe(player.secret);
      for (const secret of [player.secret, body.secret])
        expect((await enter({ playerId: player.playerId, secret })).status).toBe(201);
      expect(await isOpen(player.token)).toBe(true);
      expect(await enter({ code })).toMatchObject({
        status: 401,
        headers: { 'www-authenticate': expect.stringContaining('Bearer') },
        body: { type: 'urn:questlog:wrong-code' },
      });
    });

    it('is found without regard to case and dashes', async () => {
      const player = await guest();
      const [first, second] = [await codeOf(player), await codeOf(player)];
      expect((await enter({ code: first.toLowerCase().replaceAll('-', '') })).status).toBe(201);
      expect((await enter({ code: second.split('').join('-') })).status).toBe(201);
    });

    it('opens one session for those who send it at the same time', async () => {
      const code = await codeOf(await guest());
      const answers = await Promise.all(Array.from({ length: 6 }, () => enter({ code })));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(5).fill(401)]);
    });

    it('gets the same answer whether it expired, or never was', async () => {
      const code = await codeOf(await guest());
      for (const name of await keysLike(test.redis, `${test.prefix}:transfer-code:*`))
        await test.redis.pexpire(name, 0);
      const expired = await enter({ code });
      expect(expired.status).toBe(401);
      for (const wrong of ['AAAA-AAAA-AAAA', '', '0', 'ÄÖÜ'])
        expect(await enter({ code: wrong })).toMatchObject({ status: 401, body: expired.body });
    });

    it.each([
      [{ code: 5 }],
      [{ code: null }],
      [{ code: 'x'.repeat(65) }],
      [{ code: '\u0000' }],
      [{ code: 'AAAA-AAAA-AAAA', secret: 'x', playerId: 'ada' }],
      [{ code: 'AAAA-AAAA-AAAA', playerId: 'ada' }],
    ])('is 400 in the body %j', async body => {
      expect((await enter(body)).status).toBe(400);
    });

    it('is refused after five wrong ones from a network, also if they come together; right ones do not count', async () => {
      const player = await guest();
      const from = '2001:db8:1:1200::1';
      for (let i = 0; i < 3; i++)
        expect((await enter({ code: await codeOf(player) }, from)).status).toBe(201);
      const right = await codeOf(player);
      const wrong = await Promise.all(Array.from({ length: 9 }, (_, i) => enter({ code: `X${i}` }, from)));
      expect(wrong.map(({ status }) => status).sort()).toEqual([
        ...Array(5).fill(401),
        ...Array(4).fill(429),
      ]);
      const refused = await enter({ code: right }, '2001:db8:1:12ff::9');
      expect(refused).toMatchObject({ status: 429, body: { type: 'urn:questlog:too-many-logins' } });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(880);
      expect((await enter({ code: right }, '2001:db8:1:1300::1')).status).toBe(201);
    });

    it('is for players with a session only', async () => {
      expect((await send('POST', '/v1/players/me/transfer-codes')).status).toBe(401);
      expect((await send('POST', '/v1/players/me/transfer-codes', { token: SERVER_KEY })).status).toBe(400);
      const { token, playerId } = await guest();
      expect((await send('POST', `/v1/players/${playerId}/transfer-codes`, { token })).status).toBe(404);
    });

    it('is worthless when five later ones exist', async () => {
      const player = await guest();
      const codes: string[] = [];
      for (let i = 0; i < 6; i++) codes.push(await codeOf(player));
      expect((await enter({ code: codes[0] })).status).toBe(401);
      expect((await enter({ code: codes[1] })).status).toBe(201);
    });
  });

  describe('secrets', () => {
    it('are kept up to ten, beside one of old data; the oldest goes', async () => {
      const player = await guest();
      const { playerId } = player;
      const credentials = credentialsKey(test.topology.of('players', playerId));
      await test.redis.hset(credentials, playerId, await hashSecret('an old secret'));
      const secrets = ['an old secret'];
      for (let i = 0; i < 9; i++) secrets.push((await enter({ code: await codeOf(player) })).body.secret);
      for (const secret of secrets) expect((await enter({ playerId, secret })).status).toBe(201);
      secrets.push((await enter({ code: await codeOf(player) })).body.secret);
      const statuses = [];
      for (const secret of secrets) statuses.push((await enter({ playerId, secret })).status);
      expect(statuses).toEqual([401, ...Array(10).fill(201)]);
    }, 30_000);
  });

  describe('DELETE /v1/players/{player}/sessions', () => {
    it('leaves the player with one new session and secret', async () => {
      const player = await guest();
      const { playerId } = player;
      const second = (await enter({ code: await codeOf(player) })).body;
      const code = await codeOf(player);
      const { status, body } = await send('DELETE', '/v1/players/me/sessions', player);
      expect(status).toBe(200);
      expect(Object.keys(body).sort()).toEqual(['expiresAt', 'secret', 'token']);
      expect(await isOpen(body.token)).toBe(true);
      for (const { token, secret } of [player, second]) {
        expect(await isOpen(token)).toBe(false);
        expect((await enter({ playerId, secret })).status).toBe(401);
      }
      expect((await enter({ code })).status).toBe(401);
      expect((await enter({ playerId, secret: body.secret })).status).toBe(201);
      const more = await enter({ code: await codeOf({ ...player, token: body.token }) });
      expect((await enter({ playerId, secret: more.body.secret })).status).toBe(201);
    });

    it('renews the cookie of a browser', async () => {
      const { token } = await guest();
      const answer = await app.inject({
        ...{ method: 'DELETE', url: '/v1/players/me/sessions' },
        headers: { cookie: `questlog_session=${token}` },
      });
      expect(answer.headers['set-cookie']).toContain(answer.json().token);
    });

    it('locks a player out for an operator, and is for nobody else', async () => {
      const [player, eve] = [await guest(), await guest()];
      const code = await codeOf(player);
      const url = `/v1/players/${player.playerId}/sessions`;
      expect((await send('DELETE', url)).status).toBe(401);
      expect((await send('DELETE', url, eve)).status).toBe(403);
      expect((await send('DELETE', url, { token: SERVER_KEY })).status).toBe(403);
      expect(await isOpen(player.token)).toBe(true);
      expect(await send('DELETE', url, { token: ADMIN_KEY })).toMatchObject({ status: 204, body: undefined });
      expect(await isOpen(player.token)).toBe(false);
      expect((await enter({ playerId: player.playerId, secret: player.secret })).status).toBe(401);
      expect((await enter({ code })).status).toBe(401);
      expect((await send('DELETE', url, { token: ADMIN_KEY })).status).toBe(204);
      expect((await send('DELETE', '/v1/players/me/sessions', { token: ADMIN_KEY })).status).toBe(400);
    });

    it('leaves nothing to log-ins that come at the same time', async () => {
      const player = await guest();
      const { playerId, secret } = player;
      const [renewed, ...logins] = await Promise.all([
        send('DELETE', '/v1/players/me/sessions', player),
        ...Array.from({ length: 20 }, () => enter({ playerId, secret })),
      ]);
      for (const { status, body } of logins) if (status === 201) expect(await isOpen(body.token)).toBe(false);
      expect(await isOpen(renewed.body.token)).toBe(true);
    });
  });

  it('is forgotten with the player', async () => {
    const player = await guest();
    const code = await codeOf(player);
    await forgetLogins(test.redis, test.topology, player.playerId);
    expect((await enter({ code })).status).toBe(401);
    expect((await keysLike(test.redis, `${test.prefix}:*`)).join()).not.toContain(player.playerId);
    const credentials = credentialsKey(test.topology.of('players', player.playerId));
    expect(await test.redis.hexists(credentials, player.playerId)).toBe(0);
  });
});
