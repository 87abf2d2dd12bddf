import type { EventId } from '#libs/events';

/** What became of a delivered batch, told by a consumer that acknowledges its events itself. */
export interface Settlement {
  /** Events that took effect. */
  readonly applied: number;
  /** Events that had been acknowledged before, by this consumer or another. */
  readonly duplicates: number;
  /** Events whose turn has not come: still pending, to be delivered again soon. */
  readonly deferred: readonly EventId[];
}
