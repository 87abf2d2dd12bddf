import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { Client } from './support/client.js';
import { Gateway } from './support/gateway.js';
import { System } from './support/system.js';

const LIMIT = 60;
const WINDOW_MS = 2_000;
const READ = '/v1/leaderboards/limited/entries';
const SETTINGS = `anonymous.read=${LIMIT}/2s,server.write=100/10s`;

interface Call {
  readonly status: number;
  /** The server decided between `sent` and `answered`. */
  readonly sent: number;
  readonly answered: number;
  readonly retryAfter: number;
}

describe('the rate limit of two gateways', () => {
  let system: System;
  let second: Gateway;
  let clients: Client[];

  beforeAll(async () => {
    system = await System.start({ RATE_LIMIT: SETTINGS });
    second = await Gateway.start(system, { RATE_LIMIT: SETTINGS, SERVER_KEYS: system.keys.server });
    clients = [new Client(system.port), new Client(second.port)];
    // Warms both gateways up: the tests compare times.
    for (const client of clients) for (let i = 0; i < 20; i++) await client.get(READ);
  }, 60_000);
  afterAll(async () => {
    for (const client of clients) client.close();
    await second.stop();
    await system.close();
  }, 60_000);

  const call = async (client: Client): Promise<Call> => {
    const sent = performance.now();
    const { status, headers } = await client.get(READ);
    const retryAfter = 1_000 * Number(headers['retry-after'] ?? 0);
    return { status, sent, answered: performance.now(), retryAfter };
  };
  /** Sends `count` requests to each gateway at the same time. */
  const burst = (count: number) =>
    Promise.all(clients.flatMap(client => Array.from({ length: count }, () => call(client))));
  /** Waits until no earlier request counts any more. */
  const untilReset = () => delay(1.1 * WINDOW_MS);
  /** Waits until `early` milliseconds before the clock shows a multiple of the window. */
  const untilEdge = (early: number) => delay(2 * WINDOW_MS - early - (Date.now() % WINDOW_MS));
  const passed = (calls: readonly Call[]) => calls.filter(({ status }) => status === 200);
  /** The most requests that certainly passed within one window: sent after its start, and answered before its end. */
  const mostInWindow = (calls: readonly Call[]) =>
    Math.max(
      ...passed(calls).map(
        ({ sent }) => passed(calls).filter(c => c.sent >= sent && c.answered <= sent + WINDOW_MS).length,
      ),
    );

  const aroundEdge = async () => {
    await untilReset();
    await untilEdge(150);
    const before = await burst(LIMIT);
    await delay(150);
    const after = await burst(LIMIT);
    const all = [...before, ...after];
    const took = Math.max(...all.map(({ answered }) => answered)) - Math.min(...all.map(({ sent }) => sent));
    return { before, after, all, took };
  };

  it('holds for bursts on both sides of a window boundary', async () => {
    let tried = await aroundEdge();
    // On a busy machine both bursts can take longer than one window.
    while (tried.took >= WINDOW_MS) tried = await aroundEdge();
    const { before, after, all } = tried;
    expect(passed(before)).toHaveLength(LIMIT);
    expect(passed(after)).toHaveLength(0);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(3 * LIMIT);
  }, 60_000);

  it('holds in every window of a long attack, and lets the allowed requests through', async () => {
    await untilReset();
    const calls: Call[] = [];
    const end = performance.now() + 4 * WINDOW_MS;
    while (performance.now() < end) {
      calls.push(...(await burst(1 + Math.floor(Math.random() * 12))));
      await delay(Math.random() * 150);
    }
    expect(mostInWindow(calls)).toBeLessThanOrEqual(LIMIT);
    // The window is counted in 20 slots, so it can be one slot too long.
    expect(passed(calls).length).toBeGreaterThan(3 * LIMIT);
  }, 30_000);

  it('lets requests pass after Retry-After', async () => {
    await untilReset();
    const refused = (await burst(LIMIT)).find(({ status }) => status === 429);
    expect(refused?.retryAfter).toBeGreaterThanOrEqual(1_000);
    await delay(refused?.retryAfter);
    // The requests of one slot fit again: of two, at least one.
    expect(passed(await burst(1)).length).toBeGreaterThanOrEqual(1);
  }, 30_000);

  it('does not affect other callers', async () => {
    await burst(LIMIT);
    const other = new Client(second.port, system.keys.server);
    expect(await other.get(READ)).toMatchObject({ status: 200, headers: { 'ratelimit-limit': '500000' } });
    const score = { player: 'ada', score: 1 };
    expect(await other.post('/v1/leaderboards/limited/scores', score)).toMatchObject({
      ...{ status: 202, headers: { 'ratelimit-limit': '100', 'ratelimit-remaining': '99' } },
    });
    other.close();
  });

  it('is reported in a problem, and counted', async () => {
    await burst(LIMIT);
    const { status, headers, body } = (await clients[0]?.get(READ)) ?? {};
    expect(status).toBe(429);
    expect(headers).toMatchObject({
      'content-type': expect.stringContaining('application/problem+json'),
      'retry-after': expect.stringMatching(/^[123]$/),
      'ratelimit-limit': String(LIMIT),
      'ratelimit-remaining': '0',
      'ratelimit-reset': expect.stringMatching(/^[123]$/),
    });
    expect(body).toMatchObject({ type: 'urn:questlog:rate-limited', status: 429 });
    expect((await clients[0]?.get('/metrics'))?.text).toMatch(
      /questlog_requests_limited_total\{class="read",role="anonymous",app="gateway"\} [1-9]/,
    );
  });

  it('writes nothing to the append-only file: no read waits for the disk', async () => {
    const redis = createClient(system.redisUrl, 'limits');
    await redis.connect();
    const written = async () => Number(/aof_current_size:(\d+)/.exec(await redis.info('persistence'))?.[1]);
    const reader = new Client(system.port, system.keys.server);
    // Earlier writes must have reached the disk.
    await eventually(async () => {
      const size = await written();
      await delay(200);
      expect(await written()).toBe(size);
    });
    const before = await written();
    for (let i = 0; i < 200; i++) expect((await reader.get(READ)).status).toBe(200);
    expect((await written()) - before).toBeLessThan(2_000);
    reader.close();
    redis.disconnect();
  }, 30_000);

  it('can be switched off', async () => {
    const free = await Gateway.start(system, { RATE_LIMIT: 'off' });
    const client = new Client(free.port);
    const answers = await Promise.all(Array.from({ length: 3 * LIMIT }, () => client.get(READ)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(answers[0]?.headers).not.toHaveProperty('ratelimit-limit');
    client.close();
    await free.stop();
  }, 60_000);

  it('keeps a gateway from starting if the setting is invalid', async () => {
    const broken = await System.spawn({ RATE_LIMIT: 'player.wirte=5/s' });
    await broken.says('RATE_LIMIT: "player.wirte=5/s": unknown class "wirte"; the classes are read, write');
    await broken.stop();
  }, 30_000);
});
