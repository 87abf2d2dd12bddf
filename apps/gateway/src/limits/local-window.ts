import { LRUCache } from 'lru-cache';
import type { RateLimit } from '#libs/config';
import type { Admission } from './sliding-window.js';

/** Callers that are counted. Beyond that, the least recently seen one is dropped. */
const CAPACITY = 10_000;

interface Count {
  /** Milliseconds of the clock at which the window began. */
  readonly since: number;
  admitted: number;
}

/**
 * A fixed-window limit in this process. It is coarser than `SlidingWindow`: a burst at a window boundary can be twice the limit,
 * and each gateway counts for itself. But it needs no Redis.
 */
export class LocalWindow {
  private readonly counts = new LRUCache<string, Count>({ max: CAPACITY });

  /** @param now milliseconds of a clock that never goes back */
  constructor(private readonly now = () => performance.now()) {}

  admit(key: string, { limit, window }: RateLimit, cost: number): Admission {
    const count = this.countOf(key, window);
    const left = count.since + window - this.now();
    const admitted = count.admitted + cost <= limit;
    if (admitted) count.admitted += cost;
    return {
      admitted,
      remaining: limit - count.admitted,
      retryAfter: admitted ? 0 : left,
      resetAfter: left,
    };
  }

  private countOf(key: string, window: number): Count {
    const known = this.counts.get(key);
    if (known && this.now() < known.since + window) return known;
    const count = { since: this.now(), admitted: 0 };
    this.counts.set(key, count);
    return count;
  }
}
