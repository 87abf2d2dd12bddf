import type { EventId } from '#libs/events';

/** The outcome of a delivered batch, from a handler that acknowledges its events itself. */
export interface Settlement {
  /** Number of events that were applied. */
  readonly applied: number;
  /** Number of events that had been acknowledged before, by this consumer or another. */
  readonly duplicates: number;
  /** Events that must wait for others. They stay pending and are delivered again soon. */
  readonly deferred: readonly EventId[];
}
