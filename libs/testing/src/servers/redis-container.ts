import { freePort } from '#libs/embedded-redis';

/** What is done to a container; the engine does it at once, and asks nobody inside. */
interface Engine {
  pause(): Promise<unknown>;
  unpause(): Promise<unknown>;
  kill(): Promise<unknown>;
  start(): Promise<unknown>;
  restart(): Promise<unknown>;
}

/** A Redis in a container of its own, to be tormented. Every write is on disk before it is acknowledged. */
export class RedisContainer {
  private constructor(
    readonly url: string,
    readonly engine: Engine,
    /** Ends it, and deletes its data. */
    readonly remove: () => Promise<unknown>,
  ) {}

  static async start(image: string): Promise<RedisContainer> {
    // Few tests need it, and it takes a while to load.
    const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
    // A port of our choice stays the same through restarts.
    const host = await freePort();
    const started = await new GenericContainer(image)
      .withCommand(['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''])
      .withExposedPorts({ container: 6379, host })
      .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
      .start();
    const { container } = await getContainerRuntimeClient();
    const engine = container.getById(started.getId());
    return new RedisContainer(`redis://${started.getHost()}:${host}`, engine, () => started.stop());
  }
}

/**
 * The image that this run has its Redis from; nothing when it has it from elsewhere, and then says so.
 *
 * @param test what is skipped without one
 */
export function testRedisImage(test: string): string | undefined {
  const image = process.env.TEST_REDIS_CONTAINER;
  if (!image) console.warn(`skipped, as the Redis of this run is no container: "${test}"`);
  return image;
}
