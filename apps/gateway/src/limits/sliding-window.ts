import type { RateLimit } from '#libs/config';
import { type RedisClient, Script } from '#libs/redis';

export interface Admission {
  readonly admitted: boolean;
  /** What is left of the limit now. */
  readonly remaining: number;
  /** Milliseconds until what was refused would fit; 0 when it was admitted. */
  readonly retryAfter: number;
  /** Milliseconds until nothing counts any more. */
  readonly resetAfter: number;
}

type Reply = [admitted: 0 | 1, remaining: number, retryAfter: number, resetAfter: number];

/** Counts, by the server's clock, what all gateways let pass. */
export class SlidingWindow {
  private readonly admitScript = new Script<Reply>('admit');

  constructor(private readonly redis: RedisClient) {}

  /**
   * @param cost at most the limit: more can never fit
   * @throws an error for which `isRedisUnavailable` holds, when Redis is away
   */
  async admit(key: string, { limit, window }: RateLimit, cost = 1): Promise<Admission> {
    const reply = await this.admitScript.run(this.redis, [key], [limit, window, cost]);
    const [admitted, remaining, retryAfter, resetAfter] = reply;
    return { admitted: admitted === 1, remaining, retryAfter, resetAfter };
  }
}
