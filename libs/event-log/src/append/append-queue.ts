import { formatEventId } from '#libs/events';
import { flushSchedulerOf, type RedisClient, type WriteQuorum } from '#libs/redis';
import { rememberAppended, rememberBreak } from '../checks/log-check.js';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import { AppendCall } from './append-call.js';
import type { Appended, BatchItem } from './append-types.js';

/** Who waits for the next events of a call. */
interface Caller {
  readonly events: number;
  resolve(answers: (Appended | Error)[]): void;
}

/** A call, and who asked for it, in the order of their events. */
interface QueuedCall {
  readonly call: AppendCall;
  readonly callers: Caller[];
}

/**
 * Appends to one partition, one call after the other: what comes while one is under way goes with the next, and is
 * packed meanwhile. So calls are small when there is little to do and large when there is much, and order is kept
 * without a thought.
 */
export class AppendQueue {
  private readonly waiting: QueuedCall[] = [];
  private isRunning = false;

  constructor(
    private readonly redis: RedisClient,
    private readonly keys: PartitionKeys,
    private readonly quorum?: WriteQuorum,
  ) {}

  /**
   * @param items as many as one call can take, at most
   * @returns for each event, in their order, where it is, or the error that kept it out
   */
  append(items: readonly BatchItem[]): Promise<(Appended | Error)[]> {
    const { promise, resolve } = Promise.withResolvers<(Appended | Error)[]>();
    const { call, callers } = this.callFor(items.length);
    const before = call.length;
    try {
      for (const { event, options = {} } of items) call.add(event, options);
    } finally {
      // Should one not be packed, those before it are in the call, and whoever comes next must get their own answers.
      callers.push({ events: call.length - before, resolve });
      if (!this.isRunning) this.runSoon();
    }
    return promise;
  }

  private callFor(events: number): QueuedCall {
    const last = this.waiting.at(-1);
    if (last?.call.hasRoomFor(events)) return last;
    const next = { call: new AppendCall(this.keys), callers: [] };
    this.waiting.push(next);
    return next;
  }

  /** With what else goes to the server; but replicas may take their time. */
  private runSoon(): void {
    this.isRunning = this.waiting.length > 0;
    if (this.isRunning) flushSchedulerOf(this.redis, this.keys.stream).schedule(() => void this.run());
  }

  private async run(): Promise<void> {
    const { call, callers } = this.waiting.shift() as QueuedCall;
    try {
      const answers = await call.run(this.redis, this.quorum);
      this.remember(answers);
      for (const { events, resolve } of callers) resolve(answers.splice(0, events));
    } catch (error) {
      rememberBreak(this.keys);
      for (const { events, resolve } of callers) resolve(new Array(events).fill(error));
    } finally {
      // Without it, nothing would be appended to this partition any more.
      this.runSoon();
    }
  }

  /** What is answered is promised: should the log lack it one day, it has lost it. */
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
