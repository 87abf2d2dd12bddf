import type { Settlement } from '#libs/event-log';
import { compareEventIds, type EventId, type EventType, type RecordedEvent } from '#libs/events';
import type { Outcome } from './change-set.js';

/** The results of a batch so far. */
export class BatchResults<T extends EventType> {
  private applied = 0;
  private duplicates = 0;
  private readonly deferred: EventId[] = [];
  /** Events that wait for earlier ones. */
  waiting: RecordedEvent<T>[] = [];

  get settlement(): Settlement {
    return { applied: this.applied, duplicates: this.duplicates, deferred: this.deferred };
  }

  /** @returns every copy of the event that waits: a batch can contain an event twice */
  takeWaiting(id: EventId): RecordedEvent<T>[] {
    const isTaken = (event: RecordedEvent<T>) => compareEventIds(event.id, id) === 0;
    const taken = this.waiting.filter(isTaken);
    this.waiting = this.waiting.filter(event => !isTaken(event));
    return taken;
  }

  deferWaiting(): void {
    this.defer(this.waiting);
    this.waiting = [];
  }

  defer(events: readonly RecordedEvent<T>[]): void {
    this.deferred.push(...events.map(event => event.id));
  }

  /** Counts the outcomes of a commit. @returns the events with a conflict */
  count(events: readonly RecordedEvent<T>[], outcomes: readonly Outcome[]): RecordedEvent<T>[] {
    const conflicts: RecordedEvent<T>[] = [];
    for (const [i, event] of events.entries()) {
      const outcome = outcomes[i];
      if (outcome === 'applied') this.applied += 1;
      else if (outcome === 'duplicate') this.duplicates += 1;
      else if (outcome === 'barred') this.deferred.push(event.id);
      else conflicts.push(event);
    }
    return conflicts;
  }
}
