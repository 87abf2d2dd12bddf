import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { System } from '../e2e/system.js';

/** Milliseconds in which a fault must be told; twice as much on a machine that is busy with other things. */
const TOLD_MS = 10_000;
const BACK_MS = 30_000;
const WORKERS = ['scores', 'saves', 'ranking-projector'];

interface Fault {
  readonly what: string;
  readonly cause: (redis: RedisClient, pid: number) => unknown;
  readonly undo: (redis: RedisClient, pid: number) => unknown;
  /** What the gateway and the workers are. */
  readonly gateway: string;
  readonly workers: string;
  readonly reason: string;
  /** In the check. */
  readonly words: string;
  /** Unset: `redis`, and writes are refused with the same words. Players notice nothing of others. */
  readonly check?: string;
}

const set = (name: string, value: string) => (redis: RedisClient) => redis.config('SET', name, value);
const FAULTS: readonly Fault[] = [
  {
    what: 'Redis is out of memory',
    cause: set('maxmemory', '1mb'),
    undo: set('maxmemory', '0'),
    gateway: 'degraded',
    workers: 'not ready',
    reason: 'redis-full',
    words: 'OOM',
  },
  {
    what: 'Redis is read-only',
    cause: redis => redis.replicaof('127.0.0.1', 1),
    undo: redis => redis.replicaof('NO', 'ONE'),
    gateway: 'degraded',
    workers: 'not ready',
    reason: 'redis-read-only',
    words: 'READONLY',
  },
  {
    what: 'Redis has too few replicas',
    cause: set('min-replicas-to-write', '1'),
    undo: set('min-replicas-to-write', '0'),
    gateway: 'degraded',
    workers: 'not ready',
    reason: 'redis-replicas',
    words: 'NOREPLICAS',
  },
  {
    what: 'Redis does not permit scripts',
    cause: redis => redis.call('ACL', 'SETUSER', 'default', '-@scripting'),
    undo: redis => redis.call('ACL', 'SETUSER', 'default', '+@all'),
    gateway: 'not ready',
    workers: 'not ready',
    reason: 'redis-refused',
    words: 'NOPERM',
  },
  {
    what: 'the password was changed',
    cause: async redis => {
      await redis.config('SET', 'requirepass', 'another');
      await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    },
    undo: set('requirepass', ''),
    gateway: 'not ready',
    workers: 'not ready',
    reason: 'redis-refused',
    words: 'NOAUTH',
  },
  {
    what: 'Redis is frozen',
    cause: (_redis, pid) => process.kill(pid, 'SIGSTOP'),
    undo: (_redis, pid) => process.kill(pid, 'SIGCONT'),
    gateway: 'not ready',
    workers: 'not ready',
    reason: 'redis-unreachable',
    words: 'Redis is unreachable',
  },
  {
    what: 'Redis may evict keys',
    cause: set('maxmemory-policy', 'allkeys-lru'),
    undo: set('maxmemory-policy', 'noeviction'),
    gateway: 'degraded',
    workers: 'degraded',
    reason: 'eviction-policy',
    words: 'allkeys-lru',
    check: 'eviction',
  },
  {
    what: 'the append-only file was switched off',
    cause: set('appendonly', 'no'),
    undo: set('appendonly', 'yes'),
    gateway: 'degraded',
    workers: 'degraded',
    reason: 'persistence-off',
    words: 'append',
    check: 'persistence',
  },
  {
    what: 'the append-only file is synced less often',
    cause: set('appendfsync', 'everysec'),
    undo: set('appendfsync', 'always'),
    gateway: 'degraded',
    workers: 'degraded',
    reason: 'persistence-weak',
    words: 'appendfsync is everysec',
    check: 'fsync',
  },
];

describe('a system that cannot serve says so, and why', () => {
  let system: System;
  let redis: RedisClient;

  beforeAll(async () => {
    system = await System.start({ BOARDS: 'open' });
    redis = createClient({ url: system.redisUrl }, 'adversary');
    await redis.connect();
    await areReady();
  }, 120_000);
  afterAll(async () => {
    redis.disconnect();
    await system.close();
  }, 60_000);

  const ports = () => [
    ['gateway', system.port] as const,
    ...WORKERS.map(worker => [worker, system.healthPort(worker)] as const),
  ];
  const get = (port: number, path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  const areReady = () =>
    eventually(async () => {
      for (const [name, port] of ports())
        expect({ name, ...(await (await get(port, '/readyz')).json()) }).toMatchObject({ status: 'ready' });
    }, BACK_MS);
  const score = (player: string) =>
    system.client.post('/v1/leaderboards/b/scores', { player, score: 1 }, { Prefer: 'wait=10' });
  const reasons = async (port: number) =>
    [
      ...(await (await get(port, '/metrics')).text()).matchAll(
        /^questlog_degraded\{.*reason="([^"]+)".*\} 1$/gm,
      ),
    ].map(([, reason]) => reason);

  it.each(FAULTS)(
    '$what',
    async ({ cause, undo, gateway, workers, reason, words, check = 'redis' }) => {
      const pids = system.pids();
      await cause(redis, pids.redis as number);
      try {
        await eventually(async () => {
          for (const [name, port] of ports()) {
            const answer = await get(port, '/readyz');
            const status = name === 'gateway' ? gateway : workers;
            expect({ name, code: answer.status, ...(await answer.json()) }).toMatchObject({
              name,
              code: status === 'degraded' ? 200 : 503,
              status,
              checks: { [check]: expect.stringContaining(words) },
            });
            // Nothing else is blamed: above all no loss of data.
            expect((await reasons(port)).filter(other => other !== 'not-reading')).toEqual([reason]);
          }
        }, TOLD_MS);
        expect(await score('ada')).toMatchObject(
          check === 'redis'
            ? { status: 503, body: { detail: expect.stringContaining(words) } }
            : { status: 200 },
        );
      } finally {
        await undo(redis, pids.redis as number);
      }
      await areReady();
      await eventually(async () => expect(await score('ada')).toMatchObject({ status: 200 }), BACK_MS);
      expect(system.pids()).toEqual(pids);
    },
    120_000,
  );

  it('starts without a warning, also where the usual ports are taken', async () => {
    const second = await System.start();
    try {
      expect(second.output).not.toMatch(/WARN|ERROR/);
    } finally {
      await second.close();
    }
  }, 120_000);

  it('ends in order when its terminal is closed', async () => {
    const second = await System.start();
    try {
      expect(await second.stop('SIGHUP')).toBe(0);
    } finally {
      await second.close();
    }
  }, 120_000);
});
