import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { credentialsKey, guestKeyKey, guestSecretKey } from '#libs/players';
import { keysLike, openTestLog, type TestLog } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const DAY_MS = 24 * 60 * 60 * 1_000;

describe('POST /v1/sessions {} with an Idempotency-Key', () => {
  let test: TestLog;
  let app: NestFastifyApplication;
  let other: NestFastifyApplication;

  beforeAll(async () => {
    test = await openTestLog();
    app = await openTestGateway(test);
    other = await openTestGateway(test);
  });
  afterAll(async () => {
    await app.close();
    await other.close();
    await test.close();
  });

  let count = 0;
  const newKey = () => `a-key-of-22-characters-${++count}`;
  const post = async (key: string, payload: object = {}, gateway = app) => {
    const answer = await gateway.inject({
      ...{ method: 'POST', url: '/v1/sessions', payload },
      headers: { 'idempotency-key': key },
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
  };
  const current = async (token: string) =>
    (
      await app.inject({
        ...{ method: 'GET', url: '/v1/sessions/current' },
        headers: { authorization: `Bearer ${token}` },
      })
    ).statusCode;
  const logOut = (token: string) =>
    app.inject({
      ...{ method: 'DELETE', url: '/v1/sessions/current' },
      headers: { authorization: `Bearer ${token}` },
    });

  it('answers a repeat with the same player, token and secret, through any gateway', async () => {
    const key = newKey();
    const first = await post(key);
    expect(first.status).toBe(201);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(first.body).toEqual({
      playerId: expect.stringMatching(/^p[a-z2-7]{20}$/),
      token: expect.stringMatching(/^[\w-]{43}$/),
      secret: expect.stringMatching(/^[\w-]{32}$/),
      expiresAt: expect.any(String),
    });
    const again = await post(key, {}, other);
    expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } });
    const { expiresAt, ...same } = first.body;
    expect(again.body).toMatchObject(same);
    expect(again.headers['set-cookie']).toContain(first.body.token);
    expect((await post(newKey())).body.playerId).not.toBe(first.body.playerId);
    const { playerId, secret } = first.body;
    expect((await post(key, { playerId, secret })).status).toBe(201);
  });

  it('creates one guest when a key is sent eight times at once', async () => {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => post(key, {}, i % 2 ? app : other)),
    );
    const [first, ...others] = answers.map(({ body: { playerId, token, secret } }) => ({
      playerId,
      token,
      secret,
    }));
    for (const answer of others) expect(answer).toEqual(first);
    expect(await current(first?.token)).toBe(200);
  });

  it('finishes creating a guest that a gateway left half created when it died', async () => {
    const key = newKey();
    const { body } = await post(key);
    for (const name of await keysLike(test.redis, `${guestKeyKey(test.prefix, '')}*`)) {
      const value = await test.redis.get(name);
      await test.redis.set(name, (value ?? '').replace('done ', ''), 'KEEPTTL');
    }
    await test.redis.hdel(credentialsKey(test.topology.of('players', body.playerId)), body.playerId);
    await logOut(body.token);
    const again = await post(key);
    const { expiresAt, ...same } = body;
    expect(again.body).toMatchObject(same);
    expect(await current(body.token)).toBe(200);
  });

  it('creates a new guest after the session was ended, and never reopens the old session', async () => {
    const key = newKey();
    const { body } = await post(key);
    await logOut(body.token);
    const next = await post(key);
    expect(next.status).toBe(201);
    expect(next.headers['idempotency-replayed']).toBeUndefined();
    expect(next.body.playerId).not.toBe(body.playerId);
    expect(await current(body.token)).toBe(401);
    expect((await post(key)).body.playerId).toBe(next.body.playerId);
  });

  it('stores neither the key nor the token and secret derived from it, and deduplicates for a day', async () => {
    const key = newKey();
    const { body } = await post(key);
    const names = await keysLike(test.redis, `${test.prefix}:*`);
    const texts = await Promise.all(
      names.map(async name => ((await test.redis.type(name)) === 'string' ? test.redis.get(name) : '')),
    );
    const kept = JSON.stringify([
      names,
      texts,
      await test.redis.hgetall(credentialsKey(test.topology.of('players', body.playerId))),
    ]);
    expect(kept).toContain(body.playerId);
    for (const hidden of [key, body.token, body.secret]) expect(kept).not.toContain(hidden);
    expect(await test.redis.ttl(guestSecretKey(test.prefix))).toBe(-1);
    for (const name of names.filter(each => each.startsWith(guestKeyKey(test.prefix, ''))))
      expect(Math.abs((await test.redis.pttl(name)) - DAY_MS)).toBeLessThan(60_000);
  });

  it('refuses a guessable key without quoting it, and accepts any key for a log-in', async () => {
    const short = 'x'.repeat(21);
    const refused = await post(short);
    expect(refused).toMatchObject({ status: 400, body: { errors: [{ path: 'Idempotency-Key' }] } });
    expect(JSON.stringify(refused.body)).not.toContain(short);
    expect((await post('x'.repeat(129))).status).toBe(400);
    const { playerId, secret } = (await post(newKey())).body;
    const login = await post('short', { playerId, secret });
    expect(login.status).toBe(201);
    expect(login.body.secret).toBeUndefined();
  });

  it('counts new guests per address, but not repeated requests', async () => {
    const limited = await openTestGateway(test, { QUOTAS: 'address.guestsPerHour=2' });
    const from = async (key: string) =>
      (
        await limited.inject({
          ...{ method: 'POST', url: '/v1/sessions', payload: {}, remoteAddress: '9.8.7.6' },
          headers: { 'idempotency-key': key },
        })
      ).statusCode;
    const keys = [newKey(), newKey(), newKey()] as const;
    expect([await from(keys[0]), await from(keys[0]), await from(keys[1])]).toEqual([201, 201, 201]);
    expect([await from(keys[2]), await from(keys[0])]).toEqual([429, 201]);
    await limited.close();
  });
});
