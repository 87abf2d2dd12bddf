import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { PartitionKeys, Settlement, Topology } from '#libs/event-log';
import { STREAMS } from '#libs/events';
import { type RedisClient, troubleOf } from '#libs/redis';
import { type ConsumerOptions, HEARTBEAT_INTERVAL_MS, PartitionConsumer } from './partition-consumer.js';
import { StreamContext } from './stream-context.js';

export const STREAMS_TRANSPORT = Symbol('questlog:streams');

/** The handlers of an app do not fit the streams. */
export class HandlerError extends Error {
  readonly code = 'HANDLER';
  override readonly name = 'HandlerError';
}

/**
 * The receiving side: `@EventPattern('scores')` gets the batches of every partition of that stream, as a member
 * of a consumer group. The handler is awaited, Observables included, before anything is acknowledged.
 */
export class StreamsServer extends Server implements CustomTransportStrategy {
  override readonly transportId = STREAMS_TRANSPORT;
  override readonly propagatesEventHandlerErrors = true;
  private consumers: readonly PartitionConsumer[] = [];
  /** Streams that cannot be read now, and why. */
  private readonly readErrors = new Map<string, string>();
  /** Those of partitions that are no more, as long as they take to end. */
  private readonly closing = new Set<PartitionConsumer>();
  private isClosed = false;
  private heartbeatTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly options: ConsumerOptions,
  ) {
    super();
  }

  /** @throws Error when a partition is not being read */
  assertReading(): void {
    const idle = this.consumers.filter(consumer => !consumer.isReading).length;
    if (this.consumers.length === 0) throw new Error('not started');
    if (idle === 0) return;
    const [[stream, reason] = []] = this.readErrors;
    const example = stream === undefined ? '' : `, among them ${stream}: ${reason}`;
    throw new Error(`${idle} of ${this.consumers.length} partitions are not being read${example}`);
  }

  get isReadingSome(): boolean {
    return this.consumers.some(consumer => consumer.isReading);
  }

  /** @throws HandlerError when there is no handler, two for one stream, or one for no stream */
  listen(callback: (error?: unknown) => void): void {
    try {
      this.consumers = [...this.getHandlers()].flatMap(([pattern, handler]) =>
        this.createConsumers(pattern, handler),
      );
      if (this.consumers.length === 0) {
        throw new HandlerError(`no handler: mark one with @EventPattern, for ${STREAMS.join(' or ')}`);
      }
    } catch (error) {
      callback(error);
      return;
    }
    for (const consumer of this.consumers) consumer.start();
    this.heartbeatTimer = setInterval(() => {
      for (const consumer of this.consumers) void consumer.sendHeartbeat().catch(() => {});
    }, HEARTBEAT_INTERVAL_MS).unref();
    this.topology.onChange(() => this.followTopology());
    callback();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.heartbeatTimer);
    await Promise.all([...this.consumers, ...this.closing].map(consumer => consumer.stop()));
    this.consumers = [];
  }

  /** The log was moved: reads the partitions that there are now. What it was given of those of before has taken effect. */
  private followTopology(): void {
    if (this.isClosed) return;
    const handlers = [...this.getHandlers()];
    const isThere = (consumer: PartitionConsumer) =>
      this.topology.all(consumer.stream).includes(consumer.keys);
    const [stay = [], go = []] = [true, false].map(there =>
      this.consumers.filter(consumer => isThere(consumer) === there),
    );
    const known = new Set(stay.map(({ keys }) => keys));
    const come = handlers
      .flatMap(([pattern, handler]) => this.createConsumers(pattern, handler))
      .filter(({ keys }) => !known.has(keys));
    for (const { keys } of go) this.readErrors.delete(keys.stream);
    this.consumers = [...stay, ...come];
    for (const consumer of come) consumer.start();
    for (const consumer of go) {
      this.closing.add(consumer);
      void consumer
        .stop()
        .catch(error => this.logger.error(error))
        .finally(() => this.closing.delete(consumer));
    }
  }

  override on(): never {
    throw new Error('StreamsServer has no events to listen to: see `assertReading`, and the metrics');
  }

  override unwrap<T>(): T {
    return this.redis as T;
  }

  private createConsumers(pattern: string, handler: MessageHandler): PartitionConsumer[] {
    const stream = STREAMS.find(name => name === pattern);
    if (!stream)
      throw new HandlerError(`@EventPattern('${pattern}') names no stream: use ${STREAMS.join(' or ')}`);
    if (handler.next)
      throw new HandlerError(`two handlers for ${stream}: the batch can be acknowledged by one only`);
    return this.topology.all(stream).map(keys => {
      const context = new StreamContext([keys, this.options.group, this.options.consumer]);
      return new PartitionConsumer(
        this.redis,
        keys,
        this.options,
        async events => this.runHandler(handler, events, context),
        (partition, error) => this.reportReading(partition, error),
        this.logger,
      );
    });
  }

  /** Says once that reading stopped, and once that all goes on, however many partitions there are. */
  private reportReading({ streamName, stream }: PartitionKeys, error?: Error): void {
    const isThere = this.topology.all(streamName).some(keys => keys.stream === stream);
    if (!isThere) return;
    if (error) {
      const reason = troubleOf(error)?.detail ?? error.message;
      if (this.readErrors.size === 0) this.logger.warn(`reading stopped, trying again: ${stream}: ${reason}`);
      this.readErrors.set(stream, reason);
    } else {
      this.readErrors.delete(stream);
      if (this.readErrors.size === 0) this.logger.log('reading again');
    }
  }

  // The base class's `handleEvent` does not wait for an Observable to complete.
  private async runHandler(
    handler: MessageHandler,
    events: unknown,
    context: StreamContext,
  ): Promise<Settlement | undefined> {
    const result$ = this.transformToObservable(await handler(events, context));
    return lastValueFrom(result$, { defaultValue: undefined });
  }
}
