import type { RateLimit } from '#libs/config';
import { BatchLoader, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';

export interface Admission {
  readonly admitted: boolean;
  /** What is left of the limit. */
  readonly remaining: number;
  /** Milliseconds until the refused cost fits; 0 when it was admitted. */
  readonly retryAfter: number;
  /** Milliseconds until the whole limit is available again. */
  readonly resetAfter: number;
}

/** The numbers of an admission, in the order of its fields. */
type Reply = string;

/** One call to be admitted. */
interface Asked {
  readonly key: string;
  readonly args: readonly [limit: number, window: number, cost: number];
}

const admit = script<readonly Reply[]>('admit');

/** The sliding-window limit of all gateways together, by the clock of Redis. No burst gets through at a window boundary. */
export class SlidingWindow {
  private readonly batched: BatchLoader<Asked, Reply>;

  constructor(redis: RedisClient) {
    this.batched = new BatchLoader(redis, asked =>
      admit.run(
        redis,
        asked.map(({ key }) => key),
        asked.flatMap(({ args }) => args),
      ),
    );
  }

  /**
   * @param cost at most the limit: more can never fit
   * @throws an error for which `isRedisUnavailable` holds, when Redis is away
   */
  async admit(key: string, { limit, window }: RateLimit, cost = 1): Promise<Admission> {
    const reply = await this.batched.load({ key, args: [limit, window, cost] }, key);
    const [admitted, remaining = 0, retryAfter = 0, resetAfter = 0] = reply.split(' ').map(Number);
    return { admitted: admitted === 1, remaining, retryAfter, resetAfter };
  }
}
