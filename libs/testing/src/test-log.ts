import { randomBytes } from 'node:crypto';
import { EventLog, Topology } from '#libs/event-log';
import { createClient, type RedisClient } from '#libs/redis';

/** A log of a test's own, on the Redis that all tests share. */
export interface TestLog {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly topology: Topology;
  readonly log: EventLog;
  /** Deletes all of it. */
  close(): Promise<void>;
}

export const testRedisUrl = (): string => process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';

export async function openTestLog(counts = { scores: 2, players: 2 }): Promise<TestLog> {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const redis = createClient(testRedisUrl(), prefix);
  await redis.connect();
  const topology = await Topology.open(redis, prefix, counts);
  return {
    redis,
    prefix,
    topology,
    log: new EventLog(redis, topology),
    close: async () => {
      const keys = await redis.keys(`${prefix}:*`);
      await Promise.all(keys.map(key => redis.unlink(key)));
      redis.disconnect();
    },
  };
}
