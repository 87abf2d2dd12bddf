import { setTimeout as delay } from 'node:timers/promises';
import type { Environment } from '#libs/config';
import { Topology } from '#libs/event-log';
import type { Logger } from '#libs/observability';
import { createClient, inspectServer, type RedisClient, ServerUnfitError } from '#libs/redis';

export interface OpenLog {
  readonly redis: RedisClient;
  readonly topology: Topology;
}

/**
 * Connects to Redis, waiting for it if need be, looks whether it can keep a log, and opens the log.
 *
 * @throws ServerUnfitError for a server that is too old, and in production for one that could lose events
 * @throws PartitionCountError
 */
export async function openLog(environment: Environment, name: string, logger: Logger): Promise<OpenLog> {
  const redis = createClient(environment.REDIS_URL, name);
  await connect(redis, environment.REDIS_URL, logger);
  const { name: server, faults } = await inspectServer(redis);
  const fatal = faults.filter(fault => environment.production || fault.setting === 'version');
  if (fatal.length > 0) {
    redis.disconnect();
    throw new ServerUnfitError(fatal);
  }
  for (const fault of faults) logger.warn(fault.message, 'Redis');
  logger.debug(`connected to ${server}`, 'Redis');
  const counts = { scores: environment.SCORES_PARTITIONS, players: environment.PLAYERS_PARTITIONS };
  return { redis, topology: await Topology.open(redis, environment.KEY_PREFIX, counts) };
}

async function connect(redis: RedisClient, url: string, logger: Logger): Promise<void> {
  for (let attempt = 1; redis.status !== 'ready'; attempt++) {
    try {
      // Between attempts ioredis reconnects by itself.
      if (redis.status === 'wait' || redis.status === 'end') await redis.connect();
      else await redis.ping();
    } catch (error) {
      const { message } = error as Error;
      if (/^(WRONGPASS|NOAUTH|NOPERM)/.test(message))
        throw Object.assign(new Error(`Redis: ${message}`), { code: 'REDIS_AUTH' });
      if (attempt === 1) logger.warn(`waiting for Redis at ${withoutPassword(url)}: ${message}`, 'Redis');
      await delay(250);
    }
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/, '//***@');
}
