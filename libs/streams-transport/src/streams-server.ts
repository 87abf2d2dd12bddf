import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { PartitionKeys, Settlement, Topology } from '#libs/event-log';
import { STREAMS } from '#libs/events';
import { type RedisClient, troubleOf } from '#libs/redis';
import { type ConsumerOptions, HEARTBEAT_INTERVAL_MS, PartitionConsumer } from './partition-consumer.js';
import { StreamContext } from './stream-context.js';

export const STREAMS_TRANSPORT = Symbol('questlog:streams');

/** The `@EventPattern` handlers of an app do not match the streams. */
export class HandlerError extends Error {
  readonly code = 'HANDLER';
  override readonly name = 'HandlerError';
}

/**
 * The Nest server of the transport. A handler with `@EventPattern('scores')` receives batches from every partition of that
 * stream, as a member of a consumer group. A batch is acknowledged only after the handler's promise or Observable completes.
 */
export class StreamsServer extends Server implements CustomTransportStrategy {
  override readonly transportId = STREAMS_TRANSPORT;
  override readonly propagatesEventHandlerErrors = true;
  private consumers: readonly PartitionConsumer[] = [];
  /** The error of each partition that cannot be read, by the key of its Redis stream. */
  private readonly readErrors = new Map<string, string>();
  /** Consumers of partitions that no longer exist, until they have stopped. */
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

  /** Calls back with a HandlerError when there is no handler, a stream has two, or a pattern is not a stream. */
  listen(callback: (error?: unknown) => void): void {
    try {
      this.consumers = [...this.getHandlers()].flatMap(([pattern, handler]) =>
        this.createConsumers(pattern, handler),
      );
      if (this.consumers.length === 0) {
        throw new HandlerError(
          `the app has no handler: add a method with @EventPattern, for ${STREAMS.join(' or ')}`,
        );
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

  /** After a repartition: starts consumers for new partitions and stops those of removed ones, whose events have all taken effect. */
  private followTopology(): void {
    if (this.isClosed) return;
    const handlers = [...this.getHandlers()];
    const exists = (consumer: PartitionConsumer) =>
      this.topology.all(consumer.stream).includes(consumer.keys);
    const kept = this.consumers.filter(exists);
    const removed = this.consumers.filter(consumer => !exists(consumer));
    const known = new Set(kept.map(({ keys }) => keys));
    const added = handlers
      .flatMap(([pattern, handler]) => this.createConsumers(pattern, handler))
      .filter(({ keys }) => !known.has(keys));
    for (const { keys } of removed) this.readErrors.delete(keys.stream);
    this.consumers = [...kept, ...added];
    for (const consumer of added) consumer.start();
    for (const consumer of removed) {
      this.closing.add(consumer);
      void consumer
        .stop()
        .catch(error => this.logger.error(error))
        .finally(() => this.closing.delete(consumer));
    }
  }

  override on(): never {
    throw new Error('StreamsServer emits no events: use assertReading() or the metrics');
  }

  override unwrap<T>(): T {
    return this.redis as T;
  }

  private createConsumers(pattern: string, handler: MessageHandler): PartitionConsumer[] {
    const stream = STREAMS.find(name => name === pattern);
    if (!stream)
      throw new HandlerError(`@EventPattern('${pattern}') is not a stream: use ${STREAMS.join(' or ')}`);
    if (handler.next)
      throw new HandlerError(
        `two handlers have @EventPattern('${stream}'): keep one, because only one can acknowledge a batch`,
      );
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

  /** Logs once when the first partition fails and once when all partitions are read again. */
  private reportReading({ streamName, stream }: PartitionKeys, error?: Error): void {
    const isCurrent = this.topology.all(streamName).some(keys => keys.stream === stream);
    if (!isCurrent) return;
    if (error) {
      const reason = troubleOf(error)?.detail ?? error.message;
      if (this.readErrors.size === 0) this.logger.warn(`reading stopped, retrying: ${stream}: ${reason}`);
      this.readErrors.set(stream, reason);
    } else {
      this.readErrors.delete(stream);
      if (this.readErrors.size === 0) this.logger.log('reading resumed');
    }
  }

  // Replaces `handleEvent` of the base class, which does not wait for an Observable to complete.
  private async runHandler(
    handler: MessageHandler,
    events: unknown,
    context: StreamContext,
  ): Promise<Settlement | undefined> {
    const result$ = this.transformToObservable(await handler(events, context));
    return lastValueFrom(result$, { defaultValue: undefined });
  }
}
