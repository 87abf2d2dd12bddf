import type { LoggerService } from '@nestjs/common';
import { deadLettersKey, PartitionHarmedError, type PartitionKeys, type Settlement } from '#libs/event-log';
import { formatEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { eventsTotal } from './metrics.js';
import { moveToDeadLetters } from './move-to-dead-letters.js';

/** A stream entry as Redis answers it. The fields are missing when the entry was deleted while it was pending. */
export type Entry = readonly [id: string, fields: readonly string[] | null];

/**
 * @returns nothing to have the batch acknowledged, or a settlement when the handler has acknowledged it itself
 */
export type BatchHandler = (events: readonly RecordedEvent[]) => Promise<Settlement | undefined>;

export interface DeliveryOptions {
  readonly group: string;
  /** Failed deliveries after which an event moves to the dead letters. */
  readonly maxDeliveries: number;
}

/**
 * Takes entries of one partition to the handler, and sees to those that the handler cannot take.
 *
 * An entry that is no event is a dead letter at once. A batch that fails is cut in halves until the event that
 * makes it fail stands alone; that one stays pending, is delivered again when it has been idle long enough, and
 * becomes a dead letter when it has failed too often, or at once when the error says that it `isPermanent`.
 */
export class Delivery {
  constructor(
    private readonly redis: RedisClient,
    private readonly keys: PartitionKeys,
    private readonly options: DeliveryOptions,
    private readonly handle: BatchHandler,
    private readonly logger: LoggerService,
  ) {}

  /** Entries as events, in order; those that are none are dealt with here. */
  async decode(entries: readonly Entry[]): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = [];
    for (const [id, fields] of entries) {
      if (fields === null) {
        const acknowledged = await this.redis.xack(this.keys.stream, this.options.group, id);
        await this.reportLost([id], acknowledged);
        continue;
      }
      try {
        events.push(unpackEvent(id, fields));
      } catch (error) {
        await this.bury(id, fields, error as Error, 1);
      }
    }
    return events;
  }

  /**
   * @returns the events whose turn has not come
   * @throws when Redis is away: nothing is known of the batch, which must be read again
   * @throws PartitionHarmedError when no event of the partition can be applied: they stay pending
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
      const waiting = new Set(settlement.deferred);
      return events.filter(event => waiting.has(event.id));
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
      if (event) await this.fail(formatEventId(event.id), toError(error));
      return [];
    }
  }

  /** The log's own account tells how many are lost; this tells which of them this group was to apply. */
  async reportLost(ids: readonly string[], noLongerPending = ids.length): Promise<void> {
    if (ids.length === 0) return;
    // Uncounted, they would seem to be in the log still, and to have been skipped.
    await this.redis.hincrby(this.keys.live(this.options.group), 'acknowledged', noLongerPending);
    this.logger.error(
      `${this.keys.stream}: data loss: deleted before ${this.options.group} had them: ${ids.join(', ')}`,
    );
  }

  /** A crash between the two leaves events that are delivered again, and are no longer known as retried. */
  private async acknowledge(ids: readonly string[]): Promise<void> {
    const { group } = this.options;
    await this.redis.hdel(this.keys.skipped(group), ...ids);
    await this.redis.xack(this.keys.stream, group, ...ids);
  }

  private async fail(id: string, error: Error): Promise<void> {
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
    const [entry] = await this.redis.xrange(this.keys.stream, id, id);
    await this.bury(id, entry?.[1] ?? [], error, deliveries);
  }

  private async bury(id: string, fields: readonly string[], error: Error, deliveries: number): Promise<void> {
    const { group } = this.options;
    if (!(await moveToDeadLetters(this.redis, this.keys, group, { id, fields, error, deliveries }))) return;
    eventsTotal.inc({ group, outcome: 'dead' });
    this.logger.error(
      `${this.keys.stream} ${id}: moved to ${deadLettersKey(this.keys, group)} after ${deliveries} deliveries: ${error.message}`,
    );
  }
}

/** A handler can throw anything. */
function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
