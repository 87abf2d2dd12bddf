import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { createClient } from '#libs/redis';
import { eventually, keysLike, openTestLog, type TestLog, testRedis } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';
import { SlidingWindow } from './sliding-window.js';

const ADMIN = 'an-admin-key-of-20-characters';
const SERVER_KEY = 'a-server-key-of-20-characters';
const OTHER_KEY = 'other-server-key-of-20-characters';
const READ = '/v1/leaderboards/arena/entries';

describe('the rate limit', () => {
  let test: TestLog;
  const opened: NestFastifyApplication[] = [];

  const open = async (limits: string, log: Pick<TestLog, 'redis' | 'topology'> = test) => {
    const keys = { ADMIN_KEYS: ADMIN, SERVER_KEYS: `${SERVER_KEY},${OTHER_KEY}` };
    const gateway = await openTestGateway(log, { ...keys, RATE_LIMIT: limits });
    opened.push(gateway);
    return gateway;
  };
  /** Requests that are under way together. @returns the answers, in the order of sending */
  const burst = (
    gateway: NestFastifyApplication,
    count: number,
    request: Parameters<typeof gateway.inject>[0],
  ) => Promise.all(Array.from({ length: count }, () => gateway.inject(request)));
  const read = (remoteAddress: string, key?: string) => ({
    ...{ method: 'GET' as const, url: READ, remoteAddress },
    headers: key ? { authorization: `Bearer ${key}` } : {},
  });
  const submitAll = (count: number, key = SERVER_KEY) => ({
    ...{ method: 'POST' as const, url: '/v1/scores', headers: { authorization: `Bearer ${key}` } },
    payload: { scores: Array.from({ length: count }, (_, i) => ({ board: 'b', player: `p${i}`, score: i })) },
  });
  const statuses = (answers: readonly { statusCode: number }[]) =>
    Object.groupBy(answers, ({ statusCode }) => String(statusCode));

  beforeAll(async () => {
    test = await openTestLog();
  });
  beforeEach(async () => {
    const keys = await keysLike(test.redis, `${test.prefix}:limit:*`);
    await Promise.all(keys.map(key => test.redis.unlink(key)));
  });
  afterEach(() => Promise.all(opened.splice(0).map(gateway => gateway.close())));
  afterAll(() => test.close());

  it('reports what is left in every answer', async () => {
    const gateway = await open('anonymous.read=3/10s');
    const first = await gateway.inject(read('10.0.0.1'));
    expect(first.headers).toMatchObject({
      ...{ 'ratelimit-limit': '3', 'ratelimit-remaining': '2', 'ratelimit-reset': '11' },
    });
    const absent = await gateway.inject({ ...read('10.0.0.1'), url: `${READ}/nobody` });
    expect(absent.statusCode).toBe(404);
    expect(absent.headers).toMatchObject({ 'ratelimit-remaining': '1' });
  });

  it('answers with a problem and Retry-After', async () => {
    const gateway = await open('anonymous.read=3/10s');
    await burst(gateway, 3, read('10.0.0.1'));
    const refused = await gateway.inject(read('10.0.0.1'));
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['content-type']).toMatch('application/problem+json');
    expect(refused.json()).toEqual({
      ...{ type: 'urn:questlog:rate-limited', title: 'Too Many Requests', status: 429 },
      detail: expect.stringMatching(/^more than 3 in 10 s: try again in \d+ s$/),
    });
    expect(refused.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '0' });
    const wait = Number(refused.headers['retry-after']);
    expect(wait).toBeGreaterThanOrEqual(10);
    expect(wait).toBeLessThanOrEqual(11);
    expect(Number(refused.headers['ratelimit-reset'])).toBeGreaterThanOrEqual(wait);
  });

  it('is shared by all gateways', async () => {
    const gateways = [await open('anonymous.read=40/10s'), await open('anonymous.read=40/10s')];
    const answers = await Promise.all(gateways.map(gateway => burst(gateway, 60, read('10.0.0.1'))));
    const { 200: passed, 429: refused } = statuses(answers.flat());
    expect(passed).toHaveLength(40);
    expect(refused).toHaveLength(80);
  });

  it('keeps addresses, keys and classes apart', async () => {
    const gateway = await open('anonymous.read=2/10s,server.read=2/10s,server.bulk=2/10s');
    const callers = [
      read('10.0.0.1'),
      read('10.0.0.2'),
      read('10.0.0.1', SERVER_KEY),
      read('10.0.0.1', OTHER_KEY),
    ];
    for (const caller of callers) expect(statuses(await burst(gateway, 3, caller))[200]).toHaveLength(2);
    expect((await gateway.inject(submitAll(2))).statusCode).toBe(202);
    expect((await gateway.inject(read('10.0.0.1', ADMIN))).statusCode).toBe(200);
    expect((await gateway.inject(read('10.0.0.3', 'a-key-that-nobody-knows'))).statusCode).toBe(200);
  });

  it('counts each score of a list, and refuses the list as a whole', async () => {
    const gateway = await open('server.bulk=100/10s');
    expect((await gateway.inject(submitAll(60))).headers).toMatchObject({ 'ratelimit-remaining': '40' });
    const refused = await gateway.inject(submitAll(41));
    expect(refused.statusCode).toBe(429);
    expect(refused.headers).toMatchObject({ 'ratelimit-remaining': '40' });
    expect((await gateway.inject(submitAll(40))).statusCode).toBe(202);
  });

  it('answers 413 for a list above the whole limit', async () => {
    const gateway = await open('server.bulk=100/10s');
    const refused = await gateway.inject(submitAll(101));
    expect(refused.statusCode).toBe(413);
    expect(refused.json()).toMatchObject({ type: 'urn:questlog:over-rate-limit' });
    expect(refused.headers).not.toHaveProperty('retry-after');
  });

  it('counts a lookup as a read', async () => {
    const gateway = await open('anonymous.write=1/10s');
    const lookup = {
      method: 'POST' as const,
      url: '/v1/leaderboards/arena/lookup',
      payload: { players: ['a'] },
    };
    expect(statuses(await burst(gateway, 5, lookup))[200]).toHaveLength(5);
  });

  describe('of a route that the caller may not use', () => {
    const server = { authorization: `Bearer ${SERVER_KEY}` };
    const EXPORT = '/v1/players/ada/export';
    /** Routes with limits of their own, as somebody who may not call them. */
    const calls = [
      { method: 'GET', url: EXPORT, expected: 401 },
      { method: 'GET', url: EXPORT, headers: server, expected: 403 },
      { method: 'GET', url: '/v1/admin/streams', headers: server, expected: 403 },
      { method: 'PUT', url: '/v1/leaderboards/b', headers: server, payload: {}, expected: 403 },
      { method: 'POST', url: '/v1/scores', payload: { scores: [{}, {}, {}] }, expected: 401 },
      { method: 'DELETE', url: '/api/playerstate/ada', headers: server, expected: 403 },
    ] as const;

    it('does not apply: the answer stays 401 or 403', async () => {
      const none = 'player.bulk=1/1m,anonymous.bulk=1/1m,server.bulk=1/1m,server.read=1/1m,server.write=1/1m';
      const gateway = await open(none);
      for (let round = 0; round < 3; round++)
        for (const { expected, ...call } of calls)
          expect(await gateway.inject(call)).toMatchObject({ statusCode: expected });
    });

    it('does not apply to a score for another player, or for a board for servers only', async () => {
      const gateway = await open('player.write=1/1m');
      const admin = { authorization: `Bearer ${ADMIN}` };
      const defined = { method: 'PUT' as const, url: '/v1/leaderboards/official', headers: admin };
      await gateway.inject({ ...defined, payload: { submit: 'servers' } });
      const { token } = (await gateway.inject({ method: 'POST', url: '/v1/sessions', payload: {} })).json();
      const submit = async (board: string, player = 'me') => {
        const headers = { authorization: `Bearer ${token}` };
        const url = `/v1/leaderboards/${board}/scores`;
        const payload = { player, score: 1 };
        return (await gateway.inject({ method: 'POST', url, headers, payload })).statusCode;
      };
      expect([await submit('b'), await submit('b')]).toEqual([202, 429]);
      expect([await submit('b', 'ada'), await submit('official')]).toEqual([403, 403]);
    });

    it('does not apply to what Cache Quest refuses because of its owner, unless the body is long', async () => {
      const gateway = await open('player.write=1/1m');
      const opened = await gateway.inject({ method: 'POST', url: '/v1/sessions', payload: {} });
      const [cookie = ''] = String(opened.headers['set-cookie']).split(';');
      const send = async (method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
        (await gateway.inject({ method, url, headers: { cookie }, ...(payload && { payload }) })).statusCode;
      const document = (text: string) => ({ gameData: { id: 'ada', text } });
      const another = () => [
        send('POST', '/api/leaderboard', { key: 'b', score: 1, member: 'Ada-ada' }),
        send('POST', '/api/playerstate', { playerData: { id: 'ada' } }),
        send('PATCH', '/api/gamestate', document('x')),
        send('DELETE', '/api/playerstate/ada'),
        send('DELETE', '/api/gamestate/games:ada'),
      ];
      for (let round = 0; round < 2; round++)
        expect(await Promise.all(another())).toEqual(Array(5).fill(403));
      const long = document('x'.repeat(16 * 1024));
      expect([
        await send('POST', '/api/gamestate', long),
        await send('POST', '/api/gamestate', long),
      ]).toEqual([403, 429]);
      expect(await Promise.all(another())).toEqual(Array(5).fill(403));
    });

    it('counts by address, for every caller', async () => {
      const gateway = await open('anonymous.read=3/1m,anonymous.write=3/1m');
      for (const remoteAddress of ['10.0.0.1', '10.0.0.2'])
        for (const method of ['GET', 'DELETE'] as const) {
          const call = (headers: object) =>
            gateway.inject({
              method,
              url: '/v1/leaderboards/b/live?x',
              remoteAddress,
              headers: { ...headers },
            });
          const refused = (headers: object) =>
            gateway.inject({
              ...{ method, remoteAddress, headers: { ...headers } },
              url: method === 'GET' ? '/v1/admin/streams' : '/v1/leaderboards/b',
            });
          const answers = [
            await refused({}),
            await refused(server),
            await refused({}),
            await refused(server),
          ];
          expect(answers.map(({ statusCode }) => statusCode)).toEqual([401, 403, 401, 429]);
          expect(answers[3]?.headers).toHaveProperty('retry-after');
          // What the key may do, it still may.
          expect((await call(server)).statusCode).not.toBe(429);
        }
    });
  });

  it('admits an export even if the limit is below its cost', async () => {
    const gateway = await open('admin.bulk=10/1m');
    const url = '/v1/players/ada/export';
    const ask = () => gateway.inject({ method: 'GET', url, headers: { authorization: `Bearer ${ADMIN}` } });
    expect((await ask()).statusCode).toBe(200);
    expect((await ask()).statusCode).toBe(429);
  });

  it('admits again after Retry-After', async () => {
    const gateway = await open('anonymous.read=2/1s');
    await burst(gateway, 2, read('10.0.0.1'));
    const refused = await gateway.inject(read('10.0.0.1'));
    expect(refused.headers['retry-after']).toMatch(/^[12]$/);
    await eventually(async () => expect((await gateway.inject(read('10.0.0.1'))).statusCode).toBe(200));
  });

  it('does not ask Redis again about a refused caller', async () => {
    const gateway = await open('anonymous.read=1/1m');
    await burst(gateway, 2, read('10.0.0.1'));
    await test.redis.unlink(`${test.prefix}:limit:read:anonymous:10.0.0.1`);
    const answers = await burst(gateway, 50, read('10.0.0.1'));
    expect(statuses(answers)[429]).toHaveLength(50);
    expect(await test.redis.exists(`${test.prefix}:limit:read:anonymous:10.0.0.1`)).toBe(0);
  });

  it('counts rejections by class and role in the metrics', async () => {
    const gateway = await open('anonymous.read=1/1m');
    register.resetMetrics();
    await burst(gateway, 5, read('10.0.0.1'));
    expect(await register.metrics()).toContain(
      'questlog_requests_limited_total{class="read",role="anonymous"} 4',
    );
  });

  it('can be switched off', async () => {
    const gateway = await open('off');
    const [answer] = await burst(gateway, 1, read('10.0.0.1'));
    expect(Object.keys(answer?.headers ?? {}).filter(name => name.startsWith('ratelimit'))).toEqual([]);
    expect(await keysLike(test.redis, `${test.prefix}:limit:*`)).toEqual([]);
  });

  it('does not apply to health, metrics and documentation', async () => {
    const gateway = await open('anonymous.read=1/1m');
    for (const url of ['/healthz', '/metrics', '/openapi.json', '/docs']) {
      const answers = await burst(gateway, 3, { method: 'GET', url, remoteAddress: '10.0.0.1' });
      for (const { statusCode, headers } of answers) {
        expect(statusCode).toBeLessThan(400);
        expect(headers).not.toHaveProperty('ratelimit-limit');
      }
    }
  });

  it('answers 503 when Redis goes away', async () => {
    const redis = createClient(testRedis(), `${test.prefix}-away`);
    await redis.connect();
    const gateway = await open('on', { redis, topology: test.topology });
    redis.disconnect();
    const answer = await gateway.inject(read('10.0.0.1'));
    expect(answer.statusCode).toBe(503);
    expect(answer.headers).toMatchObject({ 'retry-after': '1' });
  });

  it('answers within two seconds when Redis hangs, however many commands are queued', async () => {
    const gateway = await open('on');
    jest.spyOn(SlidingWindow.prototype, 'admit').mockReturnValueOnce(new Promise(() => {}));
    const began = performance.now();
    expect((await gateway.inject(read('10.0.0.1'))).statusCode).toBe(503);
    expect(performance.now() - began).toBeLessThan(2_500);
  });
});
