import { type TroubleKind, troubleOf } from './trouble.js';

/** How long optional writes are not tried again after Redis has refused one. */
const PAUSE_MS = 1_000;

/** Trouble with which a server still answers reads, but refuses writes. */
const REFUSALS = new Set<TroubleKind | undefined>(['full', 'read-only', 'disk', 'replicas']);

/** Whether Redis refuses to write: its memory is full, its disk fails, or it is a replica. Reads go on. */
export function isWriteRefused(error: unknown): boolean {
  return REFUSALS.has(troubleOf(error)?.kind);
}

/**
 * Runs writes that a request can do without, such as counting for a rate limit. While Redis refuses writes, it runs a
 * substitute that does not write, so that reads are still answered.
 */
export class OptionalWrites {
  private pausedUntil = 0;

  /** @param now a monotonic clock in milliseconds */
  constructor(private readonly now = () => performance.now()) {}

  async run<T>(write: () => Promise<T>, substitute: () => Promise<T> | T): Promise<T> {
    if (this.now() < this.pausedUntil) return substitute();
    try {
      return await write();
    } catch (error) {
      if (!isWriteRefused(error)) throw error;
      this.pausedUntil = this.now() + PAUSE_MS;
      return substitute();
    }
  }
}
