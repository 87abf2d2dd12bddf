import { type RedisClient, togetherOf } from './client.js';
import { pulseOf } from './pulse.js';

/** Somebody who asked, and waits. */
interface Asked<Item, Reply> extends PromiseWithResolvers<Reply> {
  readonly item: Item;
}

/** Items in one call, at most: Redis does nothing else meanwhile. */
const CALL_ITEMS = 500;

/**
 * Takes what many ask until the next pulse to Redis in one call. A command costs the client more than the server, and
 * a hundred of them a hundred times as much.
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
    if (others) others.push(asked);
    else {
      this.waiting.set(group, [asked]);
      pulseOf(this.redis, key).join(() => this.send(group));
    }
    return asked.promise;
  }

  private async send(group: string): Promise<void> {
    const asked = this.waiting.get(group) ?? [];
    this.waiting.delete(group);
    const calls: Promise<void>[] = [];
    for (let at = 0; at < asked.length; at += this.callItems)
      calls.push(this.answer(asked.slice(at, at + this.callItems)));
    await Promise.all(calls);
  }

  private async answer(batch: readonly Asked<Item, Reply>[]): Promise<void> {
    try {
      const replies = await this.call(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(replies[i] as Reply);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
