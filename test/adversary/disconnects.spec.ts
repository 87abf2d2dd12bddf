import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { type Client, inParallel } from '../e2e/support/client.js';
import { System } from '../e2e/support/system.js';

/** Milliseconds until what the attackers left is gone, on a busy machine: clients have 30 s to read. */
const SETTLED_WITHIN_MS = 90_000;

const request = (line: string, ...headers: string[]) =>
  [`${line} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n');

describe('clients that come and go as they like', () => {
  let system: System;
  let redis: RedisClient;
  /** One for all figures: each client keeps a connection of its own. */
  let observer: Client;
  let gateway = 0;
  beforeAll(async () => {
    system = await System.start({ RATE_LIMIT: 'off', LIVE_PER_ADDRESS: '100000' });
    redis = createClient(system.redisUrl, 'adversary');
    await redis.connect();
    observer = system.connect();
    gateway = system.pids().gateway ?? 0;
    const scores = Array.from({ length: 100 }, (_, i) => ({ board: `b${i}`, player: 'ada', score: i }));
    await system.client.post('/v1/scores', { scores }, { Prefer: 'wait=10' });
  }, 120_000);
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  });
  afterEach(() => {
    expect(system.pids().gateway).toBe(gateway);
    expect(system.output).not.toMatch(/UnexpectedError|\n\s+at /);
  });

  const open = (): Socket => {
    const socket = connect(system.port, '127.0.0.1');
    socket.on('error', () => {});
    return socket;
  };
  const metric = async (name: string): Promise<number> => {
    const { text } = await observer.get('/metrics');
    return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  const scriptCalls = async (): Promise<number> =>
    [...(await redis.info('commandstats')).matchAll(/cmdstat_evalsha:calls=(\d+)/g)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  /** Scripts that run within a second. */
  const callRate = async (): Promise<number> => {
    const before = await scriptCalls();
    await delay(1_000);
    return (await scriptCalls()) - before;
  };

  it.each([
    ['CONNECT', 'CONNECT x:1 HTTP/1.1\r\n\r\n'],
    ['an upgrade', request('GET /v1/leaderboards', 'Connection: Upgrade', 'Upgrade: websocket')],
    ['an expectation', request('POST /v1/scores', 'Expect: more')],
    ['half of a request', 'POST /v1/scores HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"sc'],
    ['no HTTP', '\u0000\u0001nonsense\r\n\r\n'],
    ['pipelined requests', request('GET /v1/leaderboards').repeat(50)],
    ['a request and CONNECT', `${request('GET /v1/leaderboards')}CONNECT x:1 HTTP/1.1\r\n\r\n`],
    ['a live stream', request('GET /v1/leaderboards/b1/live')],
  ])(
    'end nothing by resets at any instant after %s',
    async (_, bytes) => {
      await inParallel(200, 20, async i => {
        const socket = open();
        const closed = once(socket, 'close');
        await Promise.race([once(socket, 'connect'), closed]);
        socket.write(bytes);
        setTimeout(() => (i % 2 ? socket.resetAndDestroy() : socket.destroy()), (i % 10) / 2);
        await closed;
      });
      expect((await system.connect().get('/healthz')).status).toBe(200);
    },
    60_000,
  );

  it('leave no work behind: nothing is read for live streams and waits that were dropped', async () => {
    const usual = Math.max(await callRate(), await callRate());
    const { body } = await system.client.post('/v1/leaderboards/b1/scores', { player: 'eve', score: 1 });
    const future = String(body.eventId).replace(/-\d+-/, '-9999999999999-');
    await inParallel(1_700, 100, async i => {
      const socket = open();
      const path = `/v1/leaderboards/b${i % 100}/${i % 3 ? `live?limit=${1 + (i % 50)}` : 'entries'}`;
      await new Promise(done => socket.once('connect', done).once('close', done));
      socket.write(request(`GET ${path}`, ...(i % 3 ? [] : [`If-Applied: ${future}`])), () =>
        socket.destroy(),
      );
    });
    await eventually(async () => expect(await callRate()).toBeLessThan(usual + 20), 30_000, 500);
    expect(await metric('questlog_live_streams')).toBe(0);
  }, 120_000);

  it('leave no descriptors and little memory behind when they neither read nor close', async () => {
    const scores = Array.from({ length: 1_000 }, (_, i) => ({
      ...{ board: 'big', player: `player-with-a-long-name-${i}`, score: i },
      attributes: { note: 'x'.repeat(100) },
    }));
    await system.client.post('/v1/scores', { scores }, { Prefer: 'wait=10' });
    const connections = await metric('questlog_http_connections');
    const memory = await metric('process_resident_memory_bytes');
    const read = request('GET /v1/leaderboards/big/entries?limit=1000');
    const stayers = Array.from({ length: 60 }, (_, i) => {
      const socket = open().pause();
      socket.write(i % 5 ? read.repeat(100) : 'GET / HTTP/1.1\r\nHost: x\r\n');
      return socket;
    });
    try {
      await eventually(
        async () => expect(await metric('questlog_http_connections')).toBeLessThan(connections + 10),
        SETTLED_WITHIN_MS,
        1_000,
      );
      expect(await metric('questlog_http_unread_bytes')).toBe(0);
      expect(await metric('process_resident_memory_bytes')).toBeLessThan(memory + 400 * 1024 * 1024);
    } finally {
      for (const socket of stayers) socket.destroy();
    }
  }, 180_000);

  it('get an export of any size while they read, however slowly it begins', async () => {
    const guest = await system.guest();
    await inParallel(24, 4, i =>
      guest.client.put(`/v1/players/me/saves/s${i}`, { text: 'y'.repeat(250_000) }, { Prefer: 'wait=10' }),
    );
    const socket = open().pause();
    socket.write(
      request('GET /v1/players/me/export', `Authorization: Bearer ${guest.token}`, 'Connection: close'),
    );
    // Longer than any request that is not streamed may take.
    await delay(3_000);
    let bytes = 0;
    let end = '';
    socket.resume().on('data', chunk => {
      bytes += chunk.length;
      end = (end + chunk.toString('latin1')).slice(-20);
    });
    await once(socket, 'close');
    expect(bytes).toBeGreaterThan(24 * 250_000);
    expect(end).toContain(']}');
  }, 60_000);
});
