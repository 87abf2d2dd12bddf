import type { LoggerService } from '@nestjs/common';
import {
  deadLettersKey,
  PartitionHarmedError,
  type PartitionKeys,
  PartitionLog,
  type Settlement,
} from '#libs/event-log';
import { formatEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { eventsTotal } from './metrics.js';
import { moveToDeadLetters } from './move-to-dead-letters.js';

/** A stream entry as Redis returns it. The fields are null when the stream entry was deleted while it was pending. */
export type StreamEntry = readonly [id: string, fields: readonly string[] | null];

/**
 * @returns undefined to have the batch acknowledged, or a settlement when the handler has acknowledged it itself
 */
export type BatchHandler = (events: readonly RecordedEvent[]) => Promise<Settlement | undefined>;

export interface DeliveryOptions {
  readonly group: string;
  /** After this many failed deliveries an event becomes a dead letter. */
  readonly maxDeliveries: number;
}

/**
 * Passes stream entries of one partition to the handler, and isolates those that fail.
 *
 * A stream entry that cannot be decoded becomes a dead letter at once. A batch that fails is halved until the failing event
 * is alone. That event stays pending and is delivered again after it has been idle for a while. It becomes a dead letter
 * when it has failed too often, or at once when the error `isPermanent`.
 */
export class Delivery {
  constructor(
    private readonly redis: RedisClient,
    private readonly keys: PartitionKeys,
    private readonly options: DeliveryOptions,
    private readonly handle: BatchHandler,
    private readonly logger: LoggerService,
  ) {}

  /** Decodes stream entries into events, in order. Entries that are deleted or cannot be decoded are settled here. */
  async decode(entries: readonly StreamEntry[]): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (const [id, fields] of entries) {
      if (fields === null) {
        const acknowledged = await this.redis.xack(this.keys.stream, this.options.group, id);
        await this.reportDeleted([id], acknowledged);
        continue;
      }
      try {
        events.push(unpackEvent(id, fields));
      } catch (error) {
        await this.moveToDeadLetters(id, fields, error as Error, 1);
      }
    }
    return events;
  }

  /**
   * @returns the events that the handler deferred, to be delivered again later
   * @throws when Redis is unavailable: the outcome is unknown, and the batch must be read again
   * @throws PartitionHarmedError when no event of the partition can be applied; the events stay pending
   */
  async deliver(events: readonly RecordedEvent[]): Promise<RecordedEvent[]> {
    const { group } = this.options;
    try {
      const settlement = await this.handle(events);
      if (!settlement) {
        await this.acknowledge(events.map(event => formatEventId(event.id)));
        eventsTotal.inc({ group, outcome: 'applied' }, events.length);
        return [];
      }
      eventsTotal.inc({ group, outcome: 'applied' }, settlement.applied);
      eventsTotal.inc({ group, outcome: 'duplicate' }, settlement.duplicates);
      eventsTotal.inc({ group, outcome: 'deferred' }, settlement.deferred.length);
      if (settlement.deferred.length === 0) return [];
      const deferred = new Set(settlement.deferred);
      return events.filter(event => deferred.has(event.id));
    } catch (error) {
      if (isRedisUnavailable(error) || error instanceof PartitionHarmedError) throw error;
      const [event] = events;
      if (events.length > 1) {
        const middle = Math.ceil(events.length / 2);
        return [
          ...(await this.deliver(events.slice(0, middle))),
          ...(await this.deliver(events.slice(middle))),
        ];
      }
      if (event) await this.handleFailure(formatEventId(event.id), toError(error));
      return [];
    }
  }

  /** Logs the ids of deleted events that this group had not applied. The account of the log only has their number. */
  async reportDeleted(ids: readonly string[], noLongerPending = ids.length): Promise<void> {
    if (ids.length === 0) return;
    // Counted as acknowledged, because otherwise the group would seem to have skipped events that are still in the log.
    await this.redis.hincrby(this.keys.live(this.options.group), 'acknowledged', noLongerPending);
    this.logger.error(
      `${this.keys.stream}: data loss: events were deleted before ${this.options.group} applied them: ${ids.join(', ')}`,
    );
  }

  /** A crash between the two commands leaves the events pending, so they are delivered again, without the mark "retried". */
  private async acknowledge(ids: readonly string[]): Promise<void> {
    const { group } = this.options;
    await this.redis.hdel(this.keys.skipped(group), ...ids);
    await this.redis.xack(this.keys.stream, group, ...ids);
  }

  private async handleFailure(id: string, error: Error): Promise<void> {
    const { group, maxDeliveries } = this.options;
    eventsTotal.inc({ group, outcome: 'failed' });
    const [pending] = (await this.redis.xpending(this.keys.stream, group, id, id, 1)) as [
      string,
      string,
      number,
      number,
    ][];
    if (!pending) return;
    const deliveries = pending[3];
    const isPermanent = (error as Error & { isPermanent?: boolean }).isPermanent === true;
    if (deliveries < maxDeliveries && !isPermanent) {
      this.logger.warn(
        `${this.keys.stream} ${id}: delivery ${deliveries} of ${maxDeliveries} failed: ${error.message}`,
      );
      return;
    }
    const entry = await new PartitionLog(this.redis, this.keys).event(id);
    await this.moveToDeadLetters(id, entry?.[1] ?? [], error, deliveries);
  }

  private async moveToDeadLetters(
    id: string,
    fields: readonly string[],
    error: Error,
    deliveries: number,
  ): Promise<void> {
    const { group } = this.options;
    if (!(await moveToDeadLetters(this.redis, this.keys, group, { id, fields, error, deliveries }))) return;
    eventsTotal.inc({ group, outcome: 'dead' });
    this.logger.error(
      `${this.keys.stream} ${id}: moved to ${deadLettersKey(this.keys, group)} after ${deliveries} deliveries: ${error.message}`,
    );
  }
}

/** JavaScript can throw any value. */
function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
