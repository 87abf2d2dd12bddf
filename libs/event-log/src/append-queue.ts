import { type PartitionKeys, pulseOf, type RedisClient, type WriteQuorum } from '#libs/redis';
import { AppendCall } from './append-call.js';
import type { Appended, BatchItem } from './event-log.js';

interface Waiting extends PromiseWithResolvers<(Appended | Error)[]> {
  readonly items: readonly BatchItem[];
}

/**
 * Appends to one partition, one call after the other: what comes while one is under way goes with the next. So calls
 * are small when there is little to do and large when there is much, and order is kept without a thought.
 */
export class AppendQueue {
  private waiting: Waiting[] = [];
  private isRunning = false;

  constructor(
    private readonly redis: RedisClient,
    private readonly keys: PartitionKeys,
    private readonly quorum?: WriteQuorum,
  ) {}

  /** @returns for each event, in their order, where it is, or the error that kept it out */
  append(items: readonly BatchItem[]): Promise<(Appended | Error)[]> {
    const waiting = { items, ...Promise.withResolvers<(Appended | Error)[]>() };
    this.waiting.push(waiting);
    if (!this.isRunning) this.runSoon();
    return waiting.promise;
  }

  /** With what else goes to the server; but replicas may take their time. */
  private runSoon(): void {
    this.isRunning = this.waiting.length > 0;
    if (this.isRunning) pulseOf(this.redis, this.keys.stream).join(() => void this.run());
  }

  private async run(): Promise<void> {
    await this.callOnce();
    this.runSoon();
  }

  private async callOnce(): Promise<void> {
    const call = new AppendCall(this.keys);
    const taken: Waiting[] = [];
    try {
      while (!call.isFull && this.waiting.length > 0) {
        const next = this.waiting.shift() as Waiting;
        taken.push(next);
        for (const { event, options = {} } of next.items) call.add(event, options);
      }
      const answers = await call.run(this.redis, this.quorum);
      for (const { items, resolve } of taken) resolve(answers.splice(0, items.length));
    } catch (error) {
      for (const { items, resolve } of taken) resolve(items.map(() => error as Error));
    }
  }
}
