import { formatEventId } from '#libs/events';
import { BatchQueue, flushSchedulerOf, type RedisClient, type WriteQuorum } from '#libs/redis';
import { rememberAppended, rememberBreak } from '../checks/log-check.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import { AppendCall } from './append-call.js';
import type { Appended, BatchItem } from './append-types.js';

/** A caller, and how many of the call's events are its own. */
interface Caller {
  readonly events: number;
  resolve(answers: (Appended | Error)[]): void;
}

/** A call that has not been sent, with its callers in the order of their events. */
interface QueuedCall {
  readonly call: AppendCall;
  readonly callers: Caller[];
}

/**
 * Appends to one partition, one call at a time. Events that arrive while a call is running are packed into the next one, so
 * calls grow with the load, and the order of events is kept.
 */
export class AppendQueue {
  private readonly calls: BatchQueue<QueuedCall>;

  constructor(
    private readonly redis: RedisClient,
    private readonly keys: PartitionKeys,
    private readonly quorum?: WriteQuorum,
  ) {
    this.calls = new BatchQueue(([call]) => this.run(call as QueuedCall), {
      size: 1,
      // The scheduler does not wait for the call, because replicas may be slow.
      schedule: run => flushSchedulerOf(redis, keys.stream).schedule(run),
    });
  }

  /**
   * @param items at most as many as one call can take
   * @returns for each event, in order, its position, or the error for which it was refused
   */
  append(items: readonly BatchItem[]): Promise<(Appended | Error)[]> {
    const { promise, resolve } = Promise.withResolvers<(Appended | Error)[]>();
    const { call, callers } = this.callFor(items.length);
    const before = call.length;
    try {
      for (const { event, options = {} } of items) call.add(event, options);
    } finally {
      // If an event cannot be packed, those before it are in the call, and later callers must still get their own answers.
      callers.push({ events: call.length - before, resolve });
    }
    return promise;
  }

  private callFor(events: number): QueuedCall {
    const { last } = this.calls;
    if (last?.call.hasRoomFor(events)) return last;
    const next = { call: new AppendCall(this.keys), callers: [] };
    this.calls.add(next);
    return next;
  }

  private async run({ call, callers }: QueuedCall): Promise<void> {
    try {
      const answers = await call.run(this.redis, this.quorum);
      this.remember(answers);
      for (const { events, resolve } of callers) resolve(answers.splice(0, events));
    } catch (error) {
      rememberBreak(this.keys);
      for (const { events, resolve } of callers) resolve(new Array(events).fill(error));
    }
  }

  /** Remembers acknowledged events, so that their loss would be noticed. */
  private remember(answers: readonly (Appended | Error)[]): void {
    let events = 0;
    let last: Appended | undefined;
    for (const answer of answers) {
      if (answer instanceof Error || answer.replayed) continue;
      events += 1;
      last = answer;
    }
    if (last) rememberAppended(this.keys, events, formatEventId(last.ref.id));
  }
}
