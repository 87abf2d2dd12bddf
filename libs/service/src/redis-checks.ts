import type { Topology } from '#libs/event-log';
import { STREAMS } from '#libs/events';
import { type FaultReason, type HealthCheck, HealthFault } from '#libs/observability';
import { placeOf, type RedisClient, SILENT, type Trouble, type TroubleKind, troubleOf } from '#libs/redis';

/** What a service can do where Redis takes no writes: the gateway still reads, a worker can do nothing. */
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

/** What an operator can do. Players are not told: the `detail` of a 503 has the trouble alone. */
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

/** The hash of a script that no server has. */
const NO_SCRIPT = '0'.repeat(40);

/** With these, reads go on. */
const ONLY_WRITES_FAIL: ReadonlySet<TroubleKind> = new Set(['read-only', 'full', 'disk', 'replicas']);

/**
 * Whether Redis serves: each server that has partitions is asked for a write that does nothing, and for a script that it does
 * not have, so that it answers with its own reason why it would refuse them.
 *
 * @param use what the service needs Redis for at least
 */
export function redisCheck(redis: RedisClient, topology: Topology, use: RedisUse): HealthCheck {
  return {
    name: 'redis',
    severity: 'not ready',
    reason: 'redis-unreachable',
    timeoutFault: new HealthFault('not ready', REASONS[SILENT.kind], withRemedy(SILENT)),
    probe: async () => {
      const asked = await Promise.all(probeKeys(redis, topology).map(key => writeTrouble(redis, key)));
      const troubles = asked.filter(trouble => trouble !== undefined);
      const [first] = troubles;
      if (!first) return;
      const canServe = (trouble: Trouble | undefined) =>
        !trouble || (use === 'reads' && ONLY_WRITES_FAIL.has(trouble.kind));
      // The worst first: it is the one that is told.
      const told = troubles.find(trouble => !canServe(trouble)) ?? first;
      const severity = asked.some(canServe) ? 'degraded' : 'not ready';
      throw new HealthFault(severity, REASONS[told.kind], withRemedy(told));
    },
  };
}

/** A check that needs Redis: where Redis cannot serve, that is the reason, which the check `redis` tells in full. */
export function needsRedis(check: HealthCheck): HealthCheck {
  return {
    ...check,
    timeoutFault: unknown(SILENT),
    probe: async () => {
      try {
        await check.probe();
      } catch (error) {
        const trouble = troubleOf(error);
        throw trouble ? unknown(trouble) : error;
      }
    },
  };
}

function unknown({ kind, detail }: Trouble): HealthFault {
  return new HealthFault('degraded', REASONS[kind], `unknown: ${detail}`);
}

/** One key for each server. */
function probeKeys(redis: RedisClient, topology: Topology): string[] {
  const partitions = STREAMS.flatMap(stream => topology.all(stream));
  const byServer = new Map(partitions.map(keys => [placeOf(redis, keys.stream), keys.probe()]));
  return [...byServer.values()];
}

async function writeTrouble(redis: RedisClient, key: string): Promise<Trouble | undefined> {
  try {
    await Promise.all([
      redis.xadd(key, 'NOMKSTREAM', '*', 'probe', ''),
      redis.evalsha(NO_SCRIPT, 1, key).catch(unlessMissing),
    ]);
    return undefined;
  } catch (error) {
    const trouble = troubleOf(error);
    if (!trouble) throw error;
    return trouble;
  }
}

/** That the script is missing is told only to those who may run scripts. */
function unlessMissing(error: Error): void {
  if (!error.message.startsWith('NOSCRIPT')) throw error;
}
