import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis } from '#libs/embedded-redis';
import { EventLog, Topology } from '#libs/event-log';
import { Health } from '#libs/observability';
import { createClient, type RedisClient } from '#libs/redis';
import { StreamsServer } from '#libs/streams-transport';
import { eventually, SERVER } from '#libs/testing';
import { LogStatusCache, logChecks, settingsChecks } from './log-checks.js';
import { redisCheck } from './redis-checks.js';

/** How long it may take until a problem is reported, on a busy machine. In milliseconds. */
const NOTICED_MS = 10_000;
const GROUPS = { scores: ['ranking-projector'], players: [] };

describe('the health checks of a gateway', () => {
  let folder: string;
  let server: EmbeddedRedis;
  let redis: RedisClient;
  let admin: RedisClient;
  let topology: Topology;
  let worker: StreamsServer;
  let health: Health;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-health-'));
    server = await EmbeddedRedis.start({ folder });
    redis = createClient(server.url, 'health');
    admin = createClient(server.url, 'admin');
    await Promise.all([redis.connect(), admin.connect()]);
    topology = await Topology.open(redis, 'ql', { scores: 2, players: 1 });
    worker = new StreamsServer(redis, topology, {
      group: 'ranking-projector',
      consumer: 'one',
      batchSize: 100,
      claimIdleMs: 500,
      maxDeliveries: 5,
    });
    worker.addHandler('scores', async () => undefined, true);
    worker.listen(() => {});
    const figures = new LogStatusCache(redis, topology, GROUPS);
    health = new Health([
      redisCheck(redis, topology, 'reads'),
      ...logChecks(figures, redis),
      ...settingsChecks(redis),
    ]);
    await says('ready');
  }, 60_000);
  afterEach(async () => {
    await worker.close();
    redis.disconnect();
    admin.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const says = (status: string, checks: Record<string, string> = {}) =>
    eventually(
      async () => {
        const report = await health.report();
        const words = Object.fromEntries(
          Object.entries(checks).map(([name, text]) => [name, expect.stringContaining(text)]),
        );
        expect(report).toMatchObject({ status, checks: words });
      },
      NOTICED_MS,
      100,
    );

  it.each([
    ['eviction', 'maxmemory-policy', 'allkeys-lru', 'noeviction'],
    ['persistence', 'appendonly', 'no', 'yes'],
    ['fsync', 'appendfsync', 'everysec', 'always'],
    ['fsync', 'appendfsync', 'no', 'always'],
  ])(
    'notices that %s is switched while Redis runs, and back',
    async (check, setting, wrong, right) => {
      await admin.config('SET', setting, wrong);
      await says('degraded', { [check]: setting === 'appendonly' ? 'append-only file is off' : wrong });
      await admin.config('SET', setting, right);
      await says('ready');
    },
    60_000,
  );

  it('report that Redis is full, and recover when it has memory again', async () => {
    await admin.config('SET', 'maxmemory', '1');
    await says('degraded', { redis: 'OOM' });
    await admin.config('SET', 'maxmemory', '0');
    await says('ready');
  }, 60_000);

  it('report a changed password, not a missing worker', async () => {
    await admin.config('SET', 'requirepass', 'changed');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await says('not ready', { redis: 'NOAUTH', workers: 'unknown', groups: 'unknown' });
    await admin.config('SET', 'requirepass', '');
    await says('ready');
  }, 60_000);

  it('report within two seconds that Redis is busy, not that a worker is missing', async () => {
    await admin.config('SET', 'busy-reply-threshold', '100');
    const script = admin.eval('while true do end', 0).catch(() => {});
    await says('not ready', { redis: 'Redis is', groups: 'unknown' });
    const began = performance.now();
    await health.report();
    expect(performance.now() - began).toBeLessThan(4_000);
    const killer = createClient(server.url, 'killer');
    await killer.connect();
    await killer.call('SCRIPT', 'KILL');
    killer.disconnect();
    await script;
    await says('ready');
  }, 60_000);

  it('report that no worker is alive', async () => {
    await worker.close();
    await says('degraded', { workers: 'ranking-projector has no live worker' });
  }, 60_000);

  it('report that event ids are ahead of the clock', async () => {
    await new EventLog(redis, topology).append({
      type: 'ScoreSubmitted',
      data: { board: 'b', player: 'ada', score: 1 },
      actor: SERVER,
    });
    const { stream } = topology.of('scores', 'b');
    await admin.call('XSETID', stream, `${Date.now() + 10 * 24 * 60 * 60_000}-0`);
    await says('degraded', { clock: '10 days ahead' });
  }, 60_000);
});
