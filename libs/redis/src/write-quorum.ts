import { BatchQueue } from './batch-queue.js';
import { nodeIdOf, type RedisClient } from './clients/client.js';
import { scriptError, UnconfirmedError } from './errors.js';
import type { Script } from './script.js';

/** How long to wait for replicas. A request must be answered in less than two seconds. */
const WAIT_TIMEOUT_MS = 600;
/** Seconds until a mark expires. Nobody reads it. */
const MARK_SECONDS = 60;

type Command = readonly [name: string, ...args: (string | number)[]];

interface QueuedWrite {
  readonly command: Command;
  /** Sent instead when the server does not know the script. */
  readonly fallback?: Command;
  done(reply: unknown): void;
  fail(error: unknown): void;
}

/**
 * Runs writes that succeed only when enough replicas have them.
 *
 * WAIT covers the writes of its own connection and blocks everything behind it. So these writes have a connection of their
 * own, and are sent in one pipeline with WAIT, so that both use the same connection. While a pipeline is running, writes to
 * that server are queued for the next one: one WAIT covers them all.
 */
export class WriteQuorum {
  /** By server: writes that wait for the running pipeline. */
  private readonly queues = new Map<string, BatchQueue<QueuedWrite>>();

  /**
   * @param redis a connection that nothing else uses
   * @param replicas the number of replicas that must have a write
   */
  constructor(
    private readonly redis: RedisClient,
    private readonly replicas: number,
    private readonly waitTimeoutMs = WAIT_TIMEOUT_MS,
  ) {}

  /**
   * Runs a script that writes.
   *
   * @throws UnconfirmedError if it was executed, but too few replicas have it
   * @throws as `Script.run`
   */
  run<Reply>(
    script: Script<Reply>,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<Reply> {
    const [command, fallback] = script.commands(keys, args);
    return this.send(keys[0] ?? '', command, fallback) as Promise<Reply>;
  }

  /**
   * Waits until the replicas have everything that other connections have written so far.
   *
   * @param mark a key in the partition; it is written because WAIT only waits if its own connection has written something
   * @throws UnconfirmedError
   */
  async confirm(mark: string): Promise<void> {
    await this.send(mark, ['set', mark, '', 'EX', MARK_SECONDS]);
  }

  close(): void {
    this.redis.disconnect();
  }

  private send(key: string, command: Command, fallback?: Command): Promise<unknown> {
    return new Promise((done, fail) => {
      this.add(nodeIdOf(this.redis, key), { command, ...(fallback && { fallback }), done, fail });
    });
  }

  private add(nodeId: string, write: QueuedWrite): void {
    let queue = this.queues.get(nodeId);
    if (!queue) {
      queue = new BatchQueue(writes =>
        this.execute(writes, nodeId).catch(error => {
          for (const { fail } of writes) fail(error);
        }),
      );
      this.queues.set(nodeId, queue);
    }
    queue.add(write);
  }

  private async execute(writes: readonly QueuedWrite[], nodeId: string): Promise<void> {
    const commands = writes.map(({ command }) => [...command]);
    const replies = await this.redis
      .pipeline([...commands, ['wait', this.replicas, this.waitTimeoutMs]])
      .exec();
    const [waitError, confirmations] = replies?.at(-1) ?? [];
    const reached = waitError ? 0 : Number(confirmations ?? 0);
    for (const [i, write] of writes.entries()) {
      const [error, reply] = replies?.[i] ?? [];
      if (error?.message.startsWith('NOSCRIPT') && write.fallback) {
        const { fallback: command, done, fail } = write;
        this.add(nodeId, { command, done, fail });
      } else if (error) write.fail(scriptError(error));
      else if (reached < this.replicas) write.fail(new UnconfirmedError(reached, this.replicas));
      else write.done(reply);
    }
  }
}
