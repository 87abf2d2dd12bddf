import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { EmbeddedRedis } from '#libs/embedded-redis';
// Of the built library: in a global setup, Jest finds no source behind a relative `.js`.
import { RedisCluster } from '#libs/testing';

/** `none` for no container. */
const IMAGE = process.env.TEST_REDIS_IMAGE || 'redis:8-alpine';

interface TestRedis {
  /** The variables that say where it is. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where it comes from, for the one who reads the test's output. */
  readonly origin: string;
  stop(): Promise<unknown>;
}

/**
 * Jest's global setup: one Redis for all tests of a run. With `TEST_REDIS=cluster`, a cluster of the machine's own
 * redis-server. Else from `TEST_REDIS_URL`; else from a container of `TEST_REDIS_IMAGE`, where a Docker engine answers;
 * else from the machine's own redis-server. Tests keep apart by key prefixes.
 */
export default async function globalRedis(): Promise<void> {
  const isCluster = process.env.TEST_REDIS === 'cluster';
  const redis = isCluster ? await cluster() : ((await given()) ?? (await container()) ?? (await local()));
  Object.assign(process.env, redis.variables);
  console.log(`\nRedis for the tests: ${redis.origin}`);
  (globalThis as { stopTestRedis?: () => Promise<unknown> }).stopTestRedis = redis.stop;
}

async function given(): Promise<TestRedis | undefined> {
  const url = process.env.TEST_REDIS_URL;
  if (!url) return undefined;
  return { variables: { TEST_REDIS_URL: url }, origin: 'TEST_REDIS_URL', stop: async () => {} };
}

async function cluster(): Promise<TestRedis> {
  const started = await RedisCluster.start();
  const { nodes } = started.address;
  return {
    variables: { TEST_REDIS_CLUSTER_NODES: nodes.join(',') },
    origin: `a cluster, ${nodes.join(' ')}`,
    stop: () => started.stop(),
  };
}

async function container(): Promise<TestRedis | undefined> {
  if (IMAGE === 'none') return undefined;
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  try {
    const started = await new GenericContainer(IMAGE)
      .withCommand(['--appendonly', 'yes', '--save', ''])
      .withExposedPorts(6379)
      .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
      .start();
    const url = `redis://${started.getHost()}:${started.getMappedPort(6379)}`;
    return {
      // For tests that need a container of their own.
      variables: { TEST_REDIS_URL: url, TEST_REDIS_CONTAINER: IMAGE },
      origin: `a container of ${IMAGE}`,
      stop: () => started.stop(),
    };
  } catch (error) {
    console.warn(`\nno container of ${IMAGE}: ${(error as Error).message}`);
    return undefined;
  }
}

async function local(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'questlog-test-'));
  const redis = await EmbeddedRedis.start({ folder });
  return {
    variables: { TEST_REDIS_URL: redis.url },
    origin: `${redis.binary} on port ${redis.port}`,
    stop: async () => {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
