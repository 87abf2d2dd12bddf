import { createClient, type RedisClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import type { Client } from '../e2e/support/client.js';
import { System } from '../e2e/support/system.js';

/** Milliseconds in which a fault must be told; twice as much on a machine that is busy with other things. */
const TOLD_MS = 10_000;
const BACK_MS = 30_000;
const WORKERS = ['scores', 'saves', 'ranking-projector'];

/** Partitions of scores, unless a start is told otherwise. */
const PARTITIONS = 8;
/** Milliseconds that ids are ahead of the clock: long enough to be seen, and over soon. */
const AHEAD_MS = 8_000;

interface Target {
  readonly redis: RedisClient;
  readonly pids: Readonly<Record<string, number>>;
  readonly admin: Client;
}

interface Fault {
  readonly what: string;
  readonly cause: (target: Target) => unknown;
  readonly undo: (target: Target) => unknown;
  /** A worker that does not answer. */
  readonly silent?: string;
  /** What the gateway and the workers are. */
  readonly gateway: string;
  readonly workers: string;
  readonly reason: string;
  /** In the check. */
  readonly words: string;
  /** Unset: `redis`, and writes are refused with the same words. Players notice nothing of others. */
  readonly check?: string;
}

const set =
  (name: string, value: string) =>
  ({ redis }: Target) =>
    redis.config('SET', name, value);
const signal =
  (name: string, what: NodeJS.Signals) =>
  ({ pids }: Target) =>
    process.kill(pids[name] as number, what);
const streams = Array.from({ length: PARTITIONS }, (_, partition) => `ql:{s${partition}}:log`);
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
    cause: ({ redis }) => redis.replicaof('127.0.0.1', 1),
    undo: ({ redis }) => redis.replicaof('NO', 'ONE'),
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
    cause: ({ redis }) => redis.call('ACL', 'SETUSER', 'default', '-@scripting'),
    undo: ({ redis }) => redis.call('ACL', 'SETUSER', 'default', '+@all'),
    gateway: 'not ready',
    workers: 'not ready',
    reason: 'redis-refused',
    words: 'NOPERM',
  },
  {
    what: 'the password was changed',
    cause: async ({ redis }) => {
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
    cause: signal('redis', 'SIGSTOP'),
    undo: signal('redis', 'SIGCONT'),
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
  {
    what: "Redis's clock was ahead",
    cause: async ({ redis }) => {
      for (const stream of streams) await redis.call('XSETID', stream, `${Date.now() + AHEAD_MS}-0`);
    },
    // The clock catches up.
    undo: () => {},
    gateway: 'degraded',
    workers: 'ready',
    reason: 'clock-ahead',
    words: 'ahead',
    check: 'clock',
  },
  {
    what: 'a worker does not work',
    cause: signal('saves', 'SIGSTOP'),
    undo: signal('saves', 'SIGCONT'),
    silent: 'saves',
    gateway: 'degraded',
    workers: 'ready',
    reason: 'worker-missing',
    words: 'saves has no live worker',
    check: 'workers',
  },
  {
    what: 'streams were deleted',
    cause: ({ redis }) => redis.del(...streams),
    undo: async ({ admin }) => {
      for (let partition = 0; partition < PARTITIONS; partition++)
        await admin.post('/v1/admin/log/accept-loss', { stream: 'scores', partition });
    },
    gateway: 'degraded',
    workers: 'degraded',
    reason: 'log-damaged',
    words: 'the stream was deleted',
    check: 'log',
  },
  {
    what: 'a consumer group is to be given nothing more',
    cause: ({ redis }) => redis.xgroup('SETID', streams[0] as string, 'ranking-projector', '9999999999999-0'),
    undo: ({ redis }) => redis.xgroup('SETID', streams[0] as string, 'ranking-projector', '$'),
    gateway: 'degraded',
    workers: 'degraded',
    reason: 'log-damaged',
    words: 'gets no new events',
    check: 'log',
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
    async ({ cause, undo, silent, gateway, workers, reason, words, check = 'redis' }) => {
      const pids = system.pids();
      const target = { redis, pids, admin: system.admin };
      await cause(target);
      try {
        await eventually(async () => {
          for (const [name, port] of ports()) {
            if (name === silent) continue;
            const answer = await get(port, '/readyz');
            const status = name === 'gateway' ? gateway : workers;
            expect({ name, code: answer.status, ...(await answer.json()) }).toMatchObject({
              name,
              code: status === 'not ready' ? 503 : 200,
              status,
              ...(status !== 'ready' && { checks: { [check]: expect.stringContaining(words) } }),
            });
            // Nothing else is blamed: above all no loss of data.
            expect((await reasons(port)).filter(other => other !== 'not-reading')).toEqual(
              status === 'ready' ? [] : [reason],
            );
          }
        }, TOLD_MS);
        expect(await score('ada')).toMatchObject(
          check === 'redis'
            ? { status: 503, body: { detail: expect.stringContaining(words) } }
            : { status: 200 },
        );
      } finally {
        await undo(target);
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
