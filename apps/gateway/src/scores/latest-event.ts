import { type Appended, formatEventRef } from '#libs/event-log';
import { compareEventIds, type EventId } from '#libs/events';

/** The latest of many events: when it has taken effect everywhere, all of them have. */
export class LatestEvent {
  private id: EventId | undefined;

  add({ ref: { id } }: Appended): void {
    if (!this.id || compareEventIds(id, this.id) > 0) this.id = id;
  }

  /** For `If-Applied`; nothing when there was no event. */
  get latest(): string | undefined {
    return this.id && formatEventRef({ stream: 'scores', partition: 'all', id: this.id });
  }
}
