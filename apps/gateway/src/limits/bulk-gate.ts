import { unavailable } from '../http/problem.js';

/** Requests that run at the same time, at most. */
const MAX_RUNNING = 4;
/** Requests that wait, at most. More are refused. */
const MAX_WAITING = 32;
/** A request that waits longer is refused, so that it is answered in time. */
const MAX_WAIT_MS = 1_000;

const tooMany = () =>
  unavailable(
    'too many requests that read much are under way: try again in a moment, or ask for less at once',
  );

interface Waiter {
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** A request for more entries or players than this goes through the gate. */
export const BULK_THRESHOLD = 100;

/** Runs a few expensive requests at a time. Some more wait, and all others are refused. */
export class BulkGate {
  private running = 0;
  private readonly waiters = new Set<Waiter>();

  constructor(
    private readonly limit = MAX_RUNNING,
    private readonly queueLimit = MAX_WAITING,
    private readonly maxWaitMs = MAX_WAIT_MS,
  ) {}

  /** Runs the work when there is room for it. @throws Problem 503 */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const leave = await this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /**
   * @returns makes room for the next one; call it when the work is done. A second call does nothing
   * @throws Problem 503
   */
  async enter(): Promise<() => void> {
    if (this.running >= this.limit) await this.wait();
    else this.running += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.leave();
    };
  }

  private wait(): Promise<void> {
    if (this.waiters.size >= this.queueLimit) return Promise.reject(tooMany());
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      this.waiters.delete(waiter);
      reject(tooMany());
    };
    // setTimeout would treat Infinity as one millisecond.
    const timer = this.maxWaitMs < Number.POSITIVE_INFINITY ? setTimeout(giveUp, this.maxWaitMs) : undefined;
    const waiter: Waiter = { resolve, timer };
    this.waiters.add(waiter);
    return promise;
  }

  /** The request that has waited longest is next. */
  private leave(): void {
    const [next] = this.waiters;
    if (!next) {
      this.running -= 1;
      return;
    }
    this.waiters.delete(next);
    clearTimeout(next.timer);
    next.resolve();
  }
}
