/** Somebody who asked, and waits. */
interface Asked<Item, Reply> extends PromiseWithResolvers<Reply> {
  readonly item: Item;
}

/** Items in one call, at most: Redis does nothing else meanwhile. */
const CALL_ITEMS = 500;

/**
 * Takes what many ask in one turn of the event loop to Redis in one call. A command costs the client more than the
 * server, and a hundred of them a hundred times as much.
 */
export class Batched<Item, Reply> {
  private waiting = new Map<string, Asked<Item, Reply>[]>();

  /** @param call answers items of one group in their order; its error is everybody's */
  constructor(
    private readonly call: (items: readonly Item[]) => Promise<readonly Reply[]>,
    private readonly callItems = CALL_ITEMS,
  ) {}

  /** @param group what the items that can go together have in common */
  ask(item: Item, group = ''): Promise<Reply> {
    if (this.waiting.size === 0) setImmediate(() => this.send());
    const asked = { item, ...Promise.withResolvers<Reply>() };
    const others = this.waiting.get(group);
    if (others) others.push(asked);
    else this.waiting.set(group, [asked]);
    return asked.promise;
  }

  private send(): void {
    const groups = this.waiting;
    this.waiting = new Map();
    for (const group of groups.values())
      for (let at = 0; at < group.length; at += this.callItems)
        void this.answer(group.slice(at, at + this.callItems));
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
