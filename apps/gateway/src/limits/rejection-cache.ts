import type { Admission } from './sliding-window.js';

/** Refusals that are remembered; beyond, the oldest is forgotten, and Redis is asked again. */
const CAPACITY = 10_000;

interface Refusal {
  readonly cost: number;
  /** Milliseconds of the clock. */
  readonly at: number;
  readonly admission: Admission;
}

/** Who was refused, for as long as Redis could only say so again: a flood of requests ends here. */
export class RejectionCache {
  private readonly byKey = new Map<string, Refusal>();

  /** @param now a clock that never goes back */
  constructor(private readonly now = () => performance.now()) {}

  /** @param asked when Redis was asked: what it says counts from then on, or a little later */
  add(key: string, cost: number, admission: Admission, asked: number): void {
    // What is set anew is the youngest.
    this.byKey.delete(key);
    this.byKey.set(key, { cost, at: asked, admission });
    if (this.byKey.size <= CAPACITY) return;
    for (const oldest of this.byKey.keys()) {
      this.byKey.delete(oldest);
      return;
    }
  }

  /** What Redis would answer, where that is known: a smaller cost might fit. */
  find(key: string, cost: number): Admission | undefined {
    const refusal = this.byKey.get(key);
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
