import type { Appended, EventRef } from '#libs/event-log';
import { compareEventIds, type EventId } from '#libs/events';

/** The newest of many score events: when it has taken effect in every partition, all of them have. */
export class LatestEvent {
  private id: EventId | undefined;

  add({ ref: { id } }: Appended): void {
    if (!this.id || compareEventIds(id, this.id) > 0) this.id = id;
  }

  /** Nothing when there was no event. */
  get ref(): EventRef | undefined {
    return this.id && { stream: 'scores', partition: 'all', id: this.id };
  }
}

export function latestOf(outcomes: readonly (Appended | Error)[]): EventRef | undefined {
  const events = new LatestEvent();
  for (const outcome of outcomes) if (!(outcome instanceof Error)) events.add(outcome);
  return events.ref;
}
