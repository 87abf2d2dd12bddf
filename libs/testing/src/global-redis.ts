import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { EmbeddedRedis } from '#libs/embedded-redis';

/** `none` for no container. */
const IMAGE = process.env.TEST_REDIS_IMAGE || 'redis:8-alpine';

interface TestRedis {
  readonly url: string;
  /** Where it comes from, for the one who reads the test's output. */
  readonly origin: string;
  stop(): Promise<unknown>;
}

/**
 * Jest's global setup: one Redis for all tests of a run. From `TEST_REDIS_URL`; else from a container of
 * `TEST_REDIS_IMAGE`, where a Docker engine answers; else from the machine's own redis-server. Tests keep apart by key prefixes.
 */
export default async function globalRedis(): Promise<void> {
  const redis = (await given()) ?? (await container()) ?? (await local());
  process.env.TEST_REDIS_URL = redis.url;
  console.log(`\nRedis for the tests: ${redis.origin}`);
  (globalThis as { stopTestRedis?: () => Promise<unknown> }).stopTestRedis = redis.stop;
}

async function given(): Promise<TestRedis | undefined> {
  const url = process.env.TEST_REDIS_URL;
  return url ? { url, origin: 'TEST_REDIS_URL', stop: async () => {} } : undefined;
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
    // For tests that need a container of their own.
    process.env.TEST_REDIS_CONTAINER = IMAGE;
    return { url, origin: `a container of ${IMAGE}`, stop: () => started.stop() };
  } catch (error) {
    console.warn(`\nno container of ${IMAGE}: ${(error as Error).message}`);
    return undefined;
  }
}

async function local(): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'questlog-test-'));
  const redis = await EmbeddedRedis.start({ folder });
  return {
    url: redis.url,
    origin: `${redis.binary} on port ${redis.port}`,
    stop: async () => {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
