import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import type { PartitionKeys } from '#libs/event-log';
import { compareEventIds, formatEventId, type RecordedEvent, type StreamName } from '#libs/events';
import { createBlockingClient, nodeOf, type RedisClient } from '#libs/redis';
import { type BatchHandler, Delivery, type DeliveryOptions, type Entry } from './delivery.js';
import { forgetAbsentConsumers } from './forget-absent-consumers.js';
import { workersKey } from './keys.js';
import { script } from './lua.js';

export interface ConsumerOptions extends DeliveryOptions {
  /** This process's name within the group. */
  readonly consumer: string;
  /** Events per batch, at most. */
  readonly batchSize: number;
  /** Milliseconds after which somebody else's unacknowledged delivery is taken over. */
  readonly claimIdleMs: number;
}

/** Milliseconds for which a read waits for new events. */
const BLOCK = 5_000;
/** Milliseconds for which it waits while deferred events wait too. */
const BLOCK_DEFERRED = 20;
/** With so many batches of deferred events in hand, nothing more is read: their turn comes first. */
const MAX_DEFERRED_BATCHES = 4;
/** A batch with fewer events is followed by a pause: a batch costs the same whether it has one event or a hundred. */
const SMALL_BATCH = 50;
/** Milliseconds. */
const PAUSE = 2;
/** Milliseconds between two looks for consumers that are gone. */
const ROLL_CALL = 60_000;
/** Milliseconds between two attempts to read again, at most. */
const MAX_BACKOFF = 2_000;

/** Hears when a consumer cannot read any more, with the error, and when it can again, without. */
export type HealthListener = (keys: PartitionKeys, error?: Error) => void;

/** Milliseconds between two heartbeats of a worker, and for which one holds. */
export const HEARTBEAT_MS = 1_000;
const HEARTBEAT_TTL_MS = 4_000;

const leaveGroup = script<number>('leave-group');
const openGroup = script<'there' | 'created' | 'behind'>('open-group');
const heartbeat = script<null>('heartbeat');

/**
 * Reads one partition for a consumer group, and delivers its events in batches, one after the other.
 *
 * The next batch is read while one is delivered. Whatever goes wrong, the loop begins anew, first with what was
 * given to this consumer before and is not acknowledged.
 */
export class PartitionConsumer {
  /** To the server that had the partition when it was connected. */
  private reader: RedisClient | undefined;
  private readonly delivery: Delivery;
  private running: Promise<void> | undefined;
  private stopping = false;
  private readerId: number | undefined;
  /** The batch in hand. */
  private delivered = Promise.resolve();
  /** Delivered events whose turn has not come. */
  private deferred: readonly RecordedEvent[] = [];
  private nextClaim = 0;
  private nextRollCall = Date.now() + ROLL_CALL;
  private reading = false;
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

  /** True while the group exists, reads succeed, and what was read can be delivered. */
  get healthy(): boolean {
    return this.reading;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Says that the partition is read, to who looks whether there are workers. */
  async beat(): Promise<void> {
    if (!this.reading || this.stopping) return;
    const { group, consumer } = this.options;
    // What does not get through is missed, and that is the point.
    await heartbeat
      .run(this.redis, [workersKey(this.keys, group)], [consumer, HEARTBEAT_TTL_MS])
      .catch(() => {});
  }

  /** Ends the loop after the batch in hand, and leaves the group if nothing is left pending. */
  async stop(): Promise<void> {
    this.stopping = true;
    const stopped = (this.running ?? Promise.resolve()).then(() => true);
    // A read that is just about to block misses the call to wake up: hence the loop.
    while (!(await Promise.race([stopped, delay(25, false)]))) this.wake();
    const { group, consumer } = this.options;
    await leaveGroup.run(this.redis, [this.keys.stream], [group, consumer]).catch(() => 0);
    await this.redis.zrem(workersKey(this.keys, group), consumer).catch(() => 0);
    this.hangUp();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.createGroup();
        await this.consume(await this.connect());
      } catch (error) {
        // What is read anew must not overtake the batch in hand.
        await this.delivered.catch(() => {});
        this.delivered = Promise.resolve();
        this.deferred = [];
        this.reading = false;
        this.hangUp();
        this.failures += 1;
        this.onHealth(this.keys, error as Error);
        await delay(Math.min(100 * 2 ** (this.failures - 1), MAX_BACKOFF));
      }
    }
  }

  private async connect(): Promise<RedisClient> {
    const reader = createBlockingClient(
      this.redis,
      this.keys.stream,
      `${this.options.consumer}:read`,
      BLOCK + 3_000,
    );
    this.reader = reader;
    await reader.connect();
    this.readerId = await reader.client('ID');
    return reader;
  }

  /** Another server may have the partition next time. */
  private hangUp(): void {
    // On a connection that has ended, ioredis would leave a timer behind.
    if (this.reader && this.reader.status !== 'end') this.reader.disconnect();
    this.reader = undefined;
    this.readerId = undefined;
  }

  private async createGroup(): Promise<void> {
    const { group } = this.options;
    const { stream } = this.keys;
    const keys = [stream, this.keys.ledger(), this.keys.live(group)];
    if ((await openGroup.run(this.redis, keys, [group])) === 'behind')
      this.logger.error(
        `${stream}: the consumer group ${group} was deleted: what it had not applied is missing until its projection is rebuilt`,
      );
  }

  private async consume(reader: RedisClient): Promise<void> {
    // First what this consumer was given before, in order; then what nobody was given.
    let cursor = '0';
    while (!this.stopping) {
      if (Date.now() >= this.nextClaim) {
        await this.delivered;
        await this.claim();
      }
      if (this.deferred.length >= MAX_DEFERRED_BATCHES * this.options.batchSize) {
        await this.delivered;
        await delay(BLOCK_DEFERRED);
        await this.deliver([]);
        continue;
      }
      // First the batch in hand asks for its states: Redis can read the next one while it is folded.
      await nextTurn();
      const entries = await this.next(reader, cursor);
      if (cursor !== '>') cursor = entries.at(-1)?.[0] ?? '>';
      // Decoded while the batch in hand is committed.
      const events = await this.delivery.decode(entries);
      await this.delivered;
      this.delivered = this.deliver(events).then(() => this.recover());
      // A failure is met at the next `await`; until then it must not count as unhandled.
      this.delivered.catch(() => {});
      if (events.length > 0 && events.length < SMALL_BATCH) await delay(PAUSE);
    }
    await this.delivered;
  }

  /** The next batch is read while one is delivered; only when nothing is in hand does a read wait for events. */
  private async next(reader: RedisClient, cursor: string): Promise<readonly Entry[]> {
    const entries = await this.read(reader, cursor);
    if (entries.length > 0 || cursor !== '>') return entries;
    await this.delivered;
    // It ends in time for the next claim.
    const untilClaim = Math.max(1, Math.min(BLOCK, this.nextClaim - Date.now()));
    return this.read(reader, cursor, this.deferred.length > 0 ? BLOCK_DEFERRED : untilClaim);
  }

  /** @param block milliseconds to wait for events; without it, it does not wait */
  private async read(reader: RedisClient, cursor: string, block?: number): Promise<readonly Entry[]> {
    const { group, consumer, batchSize } = this.options;
    const from = ['GROUP', group, consumer, 'COUNT', batchSize] as const;
    const streams = ['STREAMS', this.keys.stream, cursor] as const;
    const reply = (await (block === undefined
      ? reader.xreadgroup(...from, ...streams)
      : reader.xreadgroup(...from, 'BLOCK', block, ...streams))) as [[string, Entry[]]] | null;
    if (this.failures === 0) this.begin();
    return reply?.[0][1] ?? [];
  }

  private begin(): void {
    if (this.reading) return;
    this.reading = true;
    void this.beat().catch(() => {});
  }

  /** After a failure, only a delivery shows that all goes on: what made the last one fail can be read all the while. */
  private recover(): void {
    if (this.failures === 0) return;
    this.failures = 0;
    this.begin();
    this.onHealth(this.keys);
  }

  private async deliver(read: readonly RecordedEvent[]): Promise<void> {
    const events = this.deferred.length === 0 ? read : inOrder([...this.deferred, ...read]);
    this.deferred = [];
    if (events.length === 0) return;
    this.deferred = await this.delivery.deliver(events);
  }

  /** Takes over what others were given and have not acknowledged for long: they are dead, or frozen. */
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
      )) as [string, Entry[], string[]];
      await this.delivery.reportLost(deleted);
      await this.deliver(await this.delivery.decode(entries));
      cursor = next;
    } while (cursor !== '0-0' && !this.stopping);
    this.nextClaim = Date.now() + Math.ceil(claimIdleMs / 2);
    if (Date.now() < this.nextRollCall) return;
    await forgetAbsentConsumers(this.redis, this.keys, group);
    this.nextRollCall = Date.now() + ROLL_CALL;
  }

  /** Ends a blocked read. */
  private wake(): void {
    if (this.readerId === undefined) return;
    try {
      nodeOf(this.redis, this.keys.stream)
        .client('UNBLOCK', this.readerId)
        .catch(() => {});
    } catch {
      // The server is away, and the read ends with it.
    }
  }
}

/** Events in the order of the log, each once: a claim can bring one that is deferred already. */
function inOrder(events: readonly RecordedEvent[]): RecordedEvent[] {
  const byId = new Map(events.map(event => [formatEventId(event.id), event]));
  return [...byId.values()].sort((a, b) => compareEventIds(a.id, b.id));
}
