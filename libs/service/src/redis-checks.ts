import type { Topology } from '#libs/event-log';
import { STREAMS } from '#libs/events';
import { type FaultReason, type HealthCheck, HealthFault } from '#libs/observability';
import { nodeIdOf, type RedisClient, SILENT, type Trouble, type TroubleKind, troubleOf } from '#libs/redis';

/** What a service needs at least: the gateway can still serve reads when Redis refuses writes, a worker can do nothing. */
export type RedisUse = 'reads' | 'writes';

const REASONS: Readonly<Record<TroubleKind, FaultReason>> = {
  unreachable: 'redis-unreachable',
  loading: 'redis-loading',
  refused: 'redis-refused',
  busy: 'redis-busy',
  'read-only': 'redis-read-only',
  full: 'redis-full',
  disk: 'redis-disk',
  replicas: 'redis-replicas',
};

/** What an operator can do. Only `/readyz` shows it; the `detail` of a 503 has the problem without the remedy. */
const REMEDIES: Readonly<Record<TroubleKind, string>> = {
  unreachable: 'start Redis, or correct where this service looks for it',
  loading: 'wait until it has loaded its data',
  refused: 'correct the user, the password, or the permissions of this service',
  busy: 'wait for the script, or end it with SCRIPT KILL',
  'read-only': 'have this service reach the master',
  full: 'free memory, or raise maxmemory',
  disk: 'make room on its disk; its log says more',
  replicas: 'start the missing replicas, or lower min-replicas-to-write',
};

const withRemedy = ({ kind, detail }: Trouble) => `${detail}: ${REMEDIES[kind]}`;

/** A hash that no script has. */
const UNKNOWN_SCRIPT_SHA = '0'.repeat(40);

/** Problems that do not affect reads. */
const ONLY_WRITES_FAIL: ReadonlySet<TroubleKind> = new Set(['read-only', 'full', 'disk', 'replicas']);

/**
 * Checks that Redis serves requests. It sends each server with partitions a write that has no effect and a call of a script
 * that does not exist, so that the server replies with the reason if it would refuse them.
 *
 * @param use what the service needs at least
 */
export function redisCheck(redis: RedisClient, topology: Topology, use: RedisUse): HealthCheck {
  return {
    name: 'redis',
    severity: 'not ready',
    reason: 'redis-unreachable',
    timeoutFault: new HealthFault('not ready', REASONS[SILENT.kind], withRemedy(SILENT)),
    probe: async () => {
      const asked = await Promise.all(probeKeys(redis, topology).map(key => probeServer(redis, key)));
      const troubles = asked.filter(trouble => trouble !== undefined);
      const [first] = troubles;
      if (!first) return;
      const canServe = (trouble: Trouble | undefined) =>
        !trouble || (use === 'reads' && ONLY_WRITES_FAIL.has(trouble.kind));
      // Report the worst problem.
      const told = troubles.find(trouble => !canServe(trouble)) ?? first;
      const severity = asked.some(canServe) ? 'degraded' : 'not ready';
      throw new HealthFault(severity, REASONS[told.kind], withRemedy(told));
    },
  };
}

/** Wraps a check that needs Redis: when Redis has a problem, the result is unknown, and the check `redis` has the details. */
export function dependsOnRedis(check: HealthCheck): HealthCheck {
  return {
    ...check,
    timeoutFault: unknownFault(SILENT),
    probe: async () => {
      try {
        await check.probe();
      } catch (error) {
        const trouble = troubleOf(error);
        throw trouble ? unknownFault(trouble) : error;
      }
    },
  };
}

function unknownFault({ kind, detail }: Trouble): HealthFault {
  return new HealthFault('degraded', REASONS[kind], `unknown: ${detail}`);
}

/** One key per server. */
function probeKeys(redis: RedisClient, topology: Topology): string[] {
  const partitions = STREAMS.flatMap(stream => topology.all(stream));
  const byServer = new Map(partitions.map(keys => [nodeIdOf(redis, keys.stream), keys.probe()]));
  return [...byServer.values()];
}

async function probeServer(redis: RedisClient, key: string): Promise<Trouble | undefined> {
  try {
    await Promise.all([
      redis.xadd(key, 'NOMKSTREAM', '*', 'probe', ''),
      redis.evalsha(UNKNOWN_SCRIPT_SHA, 1, key).catch(ignoreMissingScript),
    ]);
    return undefined;
  } catch (error) {
    const trouble = troubleOf(error);
    if (!trouble) throw error;
    return trouble;
  }
}

/** NOSCRIPT is the expected reply. A server that refuses scripts replies with another error. */
function ignoreMissingScript(error: Error): void {
  if (!error.message.startsWith('NOSCRIPT')) throw error;
}
