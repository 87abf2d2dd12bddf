import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import type { PartitionKeys } from '#libs/event-log';
import { compareEventIds, formatEventId, type RecordedEvent, type StreamName } from '#libs/events';
import { createBlockingClient, nodeOf, type RedisClient } from '#libs/redis';
import { type BatchHandler, Delivery, type DeliveryOptions, type StreamEntry } from './delivery.js';
import { workersKey } from './keys.js';
import { script } from './lua.js';
import { removeAbsentConsumers } from './remove-absent-consumers.js';

export interface ConsumerOptions extends DeliveryOptions {
  /** The consumer name of this process in the group. */
  readonly consumer: string;
  /** Maximum number of events per batch. */
  readonly batchSize: number;
  /** Pending events of other consumers are claimed after they have been idle for this many milliseconds. */
  readonly claimIdleMs: number;
}

/** How long a read waits for new events. */
const BLOCK_MS = 5_000;
/** How long a read waits while there are deferred events to deliver again. */
const BLOCK_WITH_DEFERRED_MS = 20;
/** Reading pauses while there are this many batches of deferred events. */
const MAX_DEFERRED_BATCHES = 4;
/** The next read waits a moment after a batch with fewer events, so that it can grow: a batch of 100 costs as much as a batch of 1. */
const SMALL_BATCH_EVENTS = 50;

const SMALL_BATCH_PAUSE_MS = 2;
/** How often absent consumers are removed. */
const ABSENT_CHECK_MS = 60_000;
/** Maximum delay between two attempts to read after failures. */
const MAX_BACKOFF_MS = 2_000;

/** Called with the error when a consumer can no longer read, and without one when it can again. */
export type HealthListener = (keys: PartitionKeys, error?: Error) => void;

/** How often a worker sends a heartbeat, and how long a heartbeat is valid. */
export const HEARTBEAT_INTERVAL_MS = 1_000;
const HEARTBEAT_TTL_MS = 4_000;

const leaveGroup = script<number>('leave-group');
const openGroup = script<'there' | 'created' | 'behind'>('open-group');
const heartbeatScript = script<null>('heartbeat');

/**
 * Reads one partition for a consumer group and delivers its events in batches, one batch at a time.
 *
 * The next batch is read while the current one is delivered. After any error the loop starts again, first with the events
 * that were delivered to this consumer before and are still pending.
 */
export class PartitionConsumer {
  /** A connection to the server that held the partition when the connection was opened. */
  private reader: RedisClient | undefined;
  private readonly delivery: Delivery;
  private running: Promise<void> | undefined;
  private isStopping = false;
  private readerClientId: number | undefined;
  /** Settles when the current batch has been delivered. */
  private currentDelivery = Promise.resolve();
  /** Events that the handler deferred, to be delivered again. */
  private deferred: readonly RecordedEvent[] = [];
  private nextClaimAt = 0;
  private nextAbsentCheckAt = Date.now() + ABSENT_CHECK_MS;
  private hasRead = false;
  private failures = 0;

  constructor(
    private readonly redis: RedisClient,
    readonly keys: PartitionKeys,
    private readonly options: ConsumerOptions,
    handle: BatchHandler,
    private readonly onHealth: HealthListener,
    private readonly logger: LoggerService,
  ) {
    this.delivery = new Delivery(redis, keys, options, handle, logger);
  }

  get stream(): StreamName {
    return this.keys.streamName;
  }

  /** True while reads succeed and the events can be delivered. */
  get isReading(): boolean {
    return this.hasRead;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Tells health checks that this worker reads the partition. */
  async sendHeartbeat(): Promise<void> {
    if (!this.hasRead || this.isStopping) return;
    const { group, consumer } = this.options;
    // An error is ignored: a missing heartbeat is the signal.
    await heartbeatScript
      .run(this.redis, [workersKey(this.keys, group)], [consumer, HEARTBEAT_TTL_MS])
      .catch(() => {});
  }

  /** Stops after the current batch, and leaves the group unless events are still pending. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const stopped = (this.running ?? Promise.resolve()).then(() => true);
    // UNBLOCK has no effect on a read that is only about to block, so it is repeated.
    while (!(await Promise.race([stopped, delay(25, false)]))) this.unblockRead();
    const { group, consumer } = this.options;
    await leaveGroup.run(this.redis, [this.keys.stream], [group, consumer]).catch(() => 0);
    await this.redis.zrem(workersKey(this.keys, group), consumer).catch(() => 0);
    this.disconnect();
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      try {
        await this.ensureGroup();
        await this.consume(await this.connect());
      } catch (error) {
        // Events that are read again must not overtake the current batch.
        await this.currentDelivery.catch(() => {});
        this.currentDelivery = Promise.resolve();
        this.deferred = [];
        this.hasRead = false;
        this.disconnect();
        this.failures += 1;
        this.onHealth(this.keys, error as Error);
        await delay(Math.min(100 * 2 ** (this.failures - 1), MAX_BACKOFF_MS));
      }
    }
  }

  private async connect(): Promise<RedisClient> {
    const reader = createBlockingClient(
      this.redis,
      this.keys.stream,
      `${this.options.consumer}:read`,
      BLOCK_MS + 3_000,
    );
    this.reader = reader;
    await reader.connect();
    this.readerClientId = await reader.client('ID');
    return reader;
  }

  /** Closes the connection. The next one may go to another server. */
  private disconnect(): void {
    // Disconnecting a closed connection would leave a timer of ioredis behind.
    if (this.reader && this.reader.status !== 'end') this.reader.disconnect();
    this.reader = undefined;
    this.readerClientId = undefined;
  }

  private async ensureGroup(): Promise<void> {
    const { group } = this.options;
    const { stream } = this.keys;
    const keys = [stream, this.keys.ledger(), this.keys.live(group), this.keys.archive()];
    if ((await openGroup.run(this.redis, keys, [group])) === 'behind')
      this.logger.error(
        `${stream}: the consumer group ${group} was deleted: events that it had not applied are missing until its projection is rebuilt`,
      );
  }

  private async consume(reader: RedisClient): Promise<void> {
    // First the pending events of this consumer, in order; then new events.
    let cursor = '0';
    while (!this.isStopping) {
      if (Date.now() >= this.nextClaimAt) {
        await this.currentDelivery;
        await this.claim();
      }
      if (this.deferred.length >= MAX_DEFERRED_BATCHES * this.options.batchSize) {
        await this.currentDelivery;
        await delay(BLOCK_WITH_DEFERRED_MS);
        await this.deliver([]);
        continue;
      }
      // Let the current batch request its states first, so that Redis reads the next batch while the current one is folded.
      await nextTurn();
      const entries = await this.readNext(reader, cursor);
      if (cursor !== '>') cursor = entries.at(-1)?.[0] ?? '>';
      // Decoding overlaps with the commit of the current batch.
      const events = await this.delivery.decode(entries);
      await this.currentDelivery;
      this.currentDelivery = this.deliver(events).then(() => this.markRecovered());
      // The next `await` handles a rejection. Until then it must not be reported as unhandled.
      this.currentDelivery.catch(() => {});
      if (events.length > 0 && events.length < SMALL_BATCH_EVENTS) await delay(SMALL_BATCH_PAUSE_MS);
    }
    await this.currentDelivery;
  }

  /** Reads without waiting. If there are no events, waits for the current batch and then reads with a blocking call. */
  private async readNext(reader: RedisClient, cursor: string): Promise<readonly StreamEntry[]> {
    const entries = await this.readEntries(reader, cursor);
    if (entries.length > 0 || cursor !== '>') return entries;
    await this.currentDelivery;
    // The blocking read must end in time for the next claim.
    const untilClaim = Math.max(1, Math.min(BLOCK_MS, this.nextClaimAt - Date.now()));
    return this.readEntries(reader, cursor, this.deferred.length > 0 ? BLOCK_WITH_DEFERRED_MS : untilClaim);
  }

  /** @param blockMs how long to wait for events; undefined: do not wait */
  private async readEntries(
    reader: RedisClient,
    cursor: string,
    blockMs?: number,
  ): Promise<readonly StreamEntry[]> {
    const { group, consumer, batchSize } = this.options;
    const from = ['GROUP', group, consumer, 'COUNT', batchSize] as const;
    const streams = ['STREAMS', this.keys.stream, cursor] as const;
    const reply = (await (blockMs === undefined
      ? reader.xreadgroup(...from, ...streams)
      : reader.xreadgroup(...from, 'BLOCK', blockMs, ...streams))) as [[string, StreamEntry[]]] | null;
    if (this.failures === 0) this.markReading();
    return reply?.[0][1] ?? [];
  }

  private markReading(): void {
    if (this.hasRead) return;
    this.hasRead = true;
    void this.sendHeartbeat().catch(() => {});
  }

  /** Resets the failures after a successful delivery. A successful read is not enough: the delivery may have been what failed. */
  private markRecovered(): void {
    if (this.failures === 0) return;
    this.failures = 0;
    this.markReading();
    this.onHealth(this.keys);
  }

  private async deliver(read: readonly RecordedEvent[]): Promise<void> {
    const events = this.deferred.length === 0 ? read : sortAndDeduplicate([...this.deferred, ...read]);
    this.deferred = [];
    if (events.length === 0) return;
    this.deferred = await this.delivery.deliver(events);
  }

  /** Claims pending events of consumers that are dead or frozen. */
  private async claim(): Promise<void> {
    const { group, consumer, claimIdleMs, batchSize } = this.options;
    let cursor = '0-0';
    do {
      const [next, entries, deleted] = (await this.redis.xautoclaim(
        this.keys.stream,
        group,
        consumer,
        claimIdleMs,
        cursor,
        'COUNT',
        batchSize,
      )) as [string, StreamEntry[], string[]];
      await this.delivery.reportDeleted(deleted);
      await this.deliver(await this.delivery.decode(entries));
      cursor = next;
    } while (cursor !== '0-0' && !this.isStopping);
    this.nextClaimAt = Date.now() + Math.ceil(claimIdleMs / 2);
    if (Date.now() < this.nextAbsentCheckAt) return;
    await removeAbsentConsumers(this.redis, this.keys, group);
    this.nextAbsentCheckAt = Date.now() + ABSENT_CHECK_MS;
  }

  /** Ends a blocking read. */
  private unblockRead(): void {
    if (this.readerClientId === undefined) return;
    try {
      nodeOf(this.redis, this.keys.stream)
        .client('UNBLOCK', this.readerClientId)
        .catch(() => {});
    } catch {
      // The server is unreachable, so the read fails by itself.
    }
  }
}

/** Sorts events by id and drops duplicates: a claim can return an event that is already deferred. */
function sortAndDeduplicate(events: readonly RecordedEvent[]): RecordedEvent[] {
  const byId = new Map(events.map(event => [formatEventId(event.id), event]));
  return [...byId.values()].sort((a, b) => compareEventIds(a.id, b.id));
}
