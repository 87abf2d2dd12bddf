import { type TroubleKind, troubleOf } from './trouble.js';

/** Milliseconds for which writes that can be left out are not tried again after Redis refused one. */
const PAUSE_MS = 1_000;

/** What keeps a server from writing that is there, and reads. */
const REFUSALS = new Set<TroubleKind | undefined>(['full', 'read-only', 'disk', 'replicas']);

/** Whether Redis refuses to write: its memory is full, its disk fails, or it is a replica. Reads go on. */
export function isWriteRefused(error: unknown): boolean {
  return REFUSALS.has(troubleOf(error)?.kind);
}

/**
 * Runs what writes only to be exact, such as counting for a rate limit. While Redis refuses writes, it runs a substitute
 * that does not write, so that reads are still answered.
 */
export class OptionalWrites {
  private pausedUntil = 0;

  /** @param now milliseconds of a clock that never goes back */
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
