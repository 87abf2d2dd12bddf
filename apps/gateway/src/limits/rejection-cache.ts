import { LRUCache } from 'lru-cache';
import type { Admission } from './sliding-window.js';

/** Rejections in the cache. Beyond that, the oldest is dropped, and Redis is asked again. */
const CAPACITY = 10_000;

interface Refusal {
  readonly cost: number;
  /** Milliseconds of the clock. */
  readonly at: number;
  readonly admission: Admission;
}

/** Remembers rejections until Redis could answer otherwise, so that a flood of requests does not reach Redis. */
export class RejectionCache {
  private readonly byKey = new LRUCache<string, Refusal>({ max: CAPACITY });

  /** @param now a clock that never goes back */
  constructor(private readonly now = () => performance.now()) {}

  /** @param asked when the call to Redis began; its times count from then on, or from a little later */
  add(key: string, cost: number, admission: Admission, asked: number): void {
    this.byKey.set(key, { cost, at: asked, admission });
  }

  /** What Redis would answer; nothing if that is unknown. A smaller cost might fit. */
  find(key: string, cost: number): Admission | undefined {
    const refusal = this.byKey.peek(key);
    if (!refusal) return undefined;
    const { admission } = refusal;
    const passed = this.now() - refusal.at;
    if (passed >= admission.retryAfter) {
      this.byKey.delete(key);
      return undefined;
    }
    if (cost < refusal.cost) return undefined;
    return {
      ...admission,
      retryAfter: admission.retryAfter - passed,
      resetAfter: admission.resetAfter - passed,
    };
  }
}
