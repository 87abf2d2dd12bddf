import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { EmbeddedRedis } from '#libs/embedded-redis';
import { Topology } from '#libs/event-log';
import { type AnyProjection, projections } from '#libs/maintenance';
import { Projector } from '#libs/projections';
import { createClient, type RedisClient } from '#libs/redis';
import { StreamsServer } from '#libs/streams-transport';
import { eventually } from '#libs/testing';
import { openTestGateway } from '../test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
const PARAMS: Readonly<Record<string, string>> = { board: 'arena', slot: 'auto', key: 'arena' };

/** Each makes Redis refuse writes in its own way, and takes it back. */
const CAUSES = [
  {
    cause: 'its memory is full',
    begin: (redis: RedisClient) => redis.config('SET', 'maxmemory', '1'),
    end: (redis: RedisClient) => redis.config('SET', 'maxmemory', '0'),
  },
  {
    cause: 'too few replicas are there',
    begin: (redis: RedisClient) => redis.config('SET', 'min-replicas-to-write', '1'),
    end: (redis: RedisClient) => redis.config('SET', 'min-replicas-to-write', '0'),
  },
];

function workerOf(projection: AnyProjection, redis: RedisClient, topology: Topology): StreamsServer {
  const { name: group, stream } = projection;
  const options = { group, consumer: 'one', batchSize: 100, claimIdleMs: 500, maxDeliveries: 100 };
  const server = new StreamsServer(redis, topology, options);
  const projector = new Projector(redis, projection);
  server.addHandler(stream, (events, { keys }) => projector.apply(events, { keys, group }), true);
  server.listen(() => {});
  return server;
}

describe('while Redis refuses writes', () => {
  let folder: string;
  let server: EmbeddedRedis;
  let client: RedisClient;
  let gateway: NestFastifyApplication;
  let player: { playerId: string; token: string };
  let workers: readonly StreamsServer[];

  const get = (url: string, token?: string) =>
    gateway.inject({ method: 'GET', url, headers: token ? { authorization: `Bearer ${token}` } : {} });
  const put = (token: string) =>
    gateway.inject({
      ...{ method: 'PUT', url: '/v1/players/me/saves/auto', payload: '{"hp":20}' },
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-refused-'));
    server = await EmbeddedRedis.start({ folder });
    client = createClient(server.url, 'refused');
    await client.connect();
    const topology = await Topology.open(client, 'ql', { scores: 1, players: 1 });
    gateway = await openTestGateway({ redis: client, topology }, { ADMIN_KEYS: ADMIN });
    workers = projections.map(projection => workerOf(projection, client, topology));
    player = (await gateway.inject({ method: 'POST', url: '/v1/sessions', payload: {} })).json();
    const headers = { authorization: `Bearer ${player.token}` };
    const score = { url: '/v1/leaderboards/arena/scores', payload: { score: 9 } };
    await gateway.inject({ method: 'POST', ...score, headers });
    await put(player.token);
    await eventually(async () => {
      expect((await get('/v1/leaderboards/arena/entries/me', player.token)).statusCode).toBe(200);
      expect((await get('/v1/players/me/saves/auto', player.token)).statusCode).toBe(200);
    });
  });
  afterAll(async () => {
    await Promise.all(workers.map(worker => worker.close()));
    await gateway.close();
    client.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Every GET of the contract, with the player in it where it has one. */
  const reads = async () => {
    const { paths } = (await get('/openapi.json')).json() as { paths: Record<string, object> };
    const urls = Object.entries(paths).flatMap(([path, methods]) => ('get' in methods ? [path] : []));
    return urls
      .filter(path => path !== '/session' && !path.endsWith('/live'))
      .map(path => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => PARAMS[name] ?? player.playerId));
  };

  it.each(CAUSES)('reads are answered as before: $cause', async ({ begin, end }) => {
    const urls = await reads();
    expect(urls.length).toBeGreaterThan(20);
    const statuses = async (token?: string) => {
      const found: Record<string, number> = {};
      for (const url of urls) found[url] = (await get(url, token)).statusCode;
      return found;
    };
    const all = async () => [await statuses(), await statuses(player.token), await statuses(ADMIN)];
    const before = await all();
    await begin(client);
    try {
      expect(await all()).toEqual(before);
      const write = await put(player.token);
      expect(write.statusCode).toBe(503);
      expect(write.headers).toHaveProperty('retry-after');
    } finally {
      await end(client);
    }
    await eventually(async () => expect((await put(player.token)).statusCode).toBe(202));
  });

  it('a flood of reads is limited by this process', async () => {
    const limited = await openTestGateway(
      { redis: client, topology: await Topology.open(client, 'ql', { scores: 1, players: 1 }) },
      { ADMIN_KEYS: ADMIN, RATE_LIMIT: 'anonymous.read=3/1m' },
    );
    await client.config('SET', 'maxmemory', '1');
    try {
      const url = '/v1/leaderboards/arena/entries';
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => limited.inject({ method: 'GET', url })),
      );
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([
        200, 200, 200, 429, 429, 429, 429, 429,
      ]);
    } finally {
      await client.config('SET', 'maxmemory', '0');
      await limited.close();
    }
  });
});
