import { randomBytes } from 'node:crypto';
import { EventLog, Topology } from '#libs/event-log';
import { createClient, type RedisAddress, type RedisClient } from '#libs/redis';
import { keysLike } from './servers/redis-cluster.js';

/** A log of a test's own, on the Redis that all tests share. */
export interface TestLog {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly topology: Topology;
  readonly log: EventLog;
  /** Deletes all of it. */
  close(): Promise<void>;
}

/** Where the Redis of all tests is: a server, or a cluster. */
export function testRedis(): RedisAddress {
  const { TEST_REDIS_CLUSTER_NODES: nodes, TEST_REDIS_URL: url = 'redis://127.0.0.1:6379' } = process.env;
  return nodes ? { nodes: nodes.split(',') } : { url };
}

export async function openTestLog(counts = { scores: 2, players: 2 }): Promise<TestLog> {
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const redis = createClient(testRedis(), prefix);
  await redis.connect();
  const topology = await Topology.open(redis, prefix, counts);
  return {
    redis,
    prefix,
    topology,
    log: new EventLog(redis, topology),
    close: async () => {
      const keys = await keysLike(redis, `${prefix}:*`);
      await Promise.all(keys.map(key => redis.unlink(key)));
      redis.disconnect();
    },
  };
}
