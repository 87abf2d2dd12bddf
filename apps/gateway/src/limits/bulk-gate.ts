import { unavailable } from '../http/problem.js';

/** Requests that run at once, at most. */
const MAX_RUNNING = 4;
/** Requests that wait for their turn, at most. */
const MAX_WAITING = 32;
/** Milliseconds that one waits: it must be answered in time. */
const MAX_WAIT_MS = 1_000;

const tooMany = () =>
  unavailable(
    'too many requests that read much are under way: try again in a moment, or ask for less at once',
  );

/** Somebody who waits for a turn. */
interface Waiter {
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Entries, or players, from which on a request reads much. */
export const BULK_THRESHOLD = 100;

/** Lets a few requests run that cost much; some more wait for a while, and beyond that they are refused. */
export class BulkGate {
  private running = 0;
  private readonly waiters = new Set<Waiter>();

  constructor(
    private readonly limit = MAX_RUNNING,
    private readonly queueLimit = MAX_WAITING,
    private readonly maxWaitMs = MAX_WAIT_MS,
  ) {}

  /** Does the work when it is its turn. @throws Problem 503 */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const leave = await this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /**
   * @returns what ends the turn; a second call of it does nothing
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
    // A timer would take Infinity for one millisecond.
    const timer = this.maxWaitMs < Number.POSITIVE_INFINITY ? setTimeout(giveUp, this.maxWaitMs) : undefined;
    const waiter: Waiter = { resolve, timer };
    this.waiters.add(waiter);
    return promise;
  }

  /** The turn goes to whoever has waited longest. */
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
