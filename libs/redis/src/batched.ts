import { type RedisClient, togetherOf } from './client.js';
import { pulseOf } from './pulse.js';

/** Somebody who asked, and waits. */
interface Asked<Item, Reply> extends PromiseWithResolvers<Reply> {
  readonly item: Item;
}

/** Items in one call, at most. */
const CALL_ITEMS = 32;

/**
 * Takes what many ask until the next pulse to Redis in one call. A command costs the client more than the server, and
 * a hundred of them a hundred times as much. A call that is full goes at once: Redis works on it while the rest of a
 * burst is still being read.
 */
export class Batched<Item, Reply> {
  private readonly waiting = new Map<string, Asked<Item, Reply>[]>();

  /** @param call answers items of one group in their order; its error is everybody's */
  constructor(
    private readonly redis: RedisClient,
    private readonly call: (items: readonly Item[]) => Promise<readonly Reply[]>,
    private readonly callItems = CALL_ITEMS,
  ) {}

  /**
   * @param key one that the call will read
   * @param group what the items that can go together have in common: by themselves, that one script may touch them all
   */
  ask(item: Item, key: string, group = togetherOf(this.redis, key)): Promise<Reply> {
    const asked = { item, ...Promise.withResolvers<Reply>() };
    const others = this.waiting.get(group);
    if (!others) {
      this.waiting.set(group, [asked]);
      pulseOf(this.redis, key).join(() => this.send(group));
    } else if (others.push(asked) === this.callItems) {
      void this.send(group);
    }
    return asked.promise;
  }

  private async send(group: string): Promise<void> {
    const asked = this.waiting.get(group) ?? [];
    this.waiting.delete(group);
    if (asked.length === 0) return;
    try {
      const replies = await this.call(asked.map(({ item }) => item));
      for (const [i, { resolve }] of asked.entries()) resolve(replies[i] as Reply);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
