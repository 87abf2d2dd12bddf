import { type RedisClient, togetherOf } from './clients/client.js';
import { inHeavyLane } from './heavy-lane.js';
import { pulseOf } from './pulse.js';

/** Somebody who asked, and waits. */
interface Asked<Item, Reply> extends PromiseWithResolvers<Reply> {
  readonly item: Item;
}

/** Items in one call, at most. */
const CALL_ITEMS = 32;

/** From this weight on, a call waits until the heavy one before it is answered: other connections have their turn between. */
const HEAVY_WEIGHT = 100;

export interface BatchLimits<Item> {
  /** Items in one call, at most. */
  readonly items?: number;
  /** What an item costs Redis, where items differ, in units of about 2 µs: reading one entry of a board is one. */
  readonly weigh?: (item: Item) => number;
  /** The weight of one call, at most, unless one item alone has more. Redis does nothing else while it runs. */
  readonly weight?: number;
}

/** What waits for the next call. */
interface Waiting<Item, Reply> {
  /** One that the call will read. */
  readonly key: string;
  readonly asked: Asked<Item, Reply>[];
  weight: number;
}

/**
 * Takes what many ask until the next pulse to Redis in one call. A command costs the client more than the server, and
 * a hundred of them a hundred times as much. A call that is full goes at once: Redis works on it while the rest of a
 * burst is still being read.
 */
export class Batched<Item, Reply> {
  private readonly waiting = new Map<string, Waiting<Item, Reply>>();
  private readonly limits: Required<BatchLimits<Item>>;

  /** @param call answers items of one group in their order; its error is everybody's */
  constructor(
    private readonly redis: RedisClient,
    private readonly call: (items: readonly Item[]) => Promise<readonly Reply[]>,
    limits: BatchLimits<Item> = {},
  ) {
    this.limits = { items: CALL_ITEMS, weigh: () => 0, weight: Number.POSITIVE_INFINITY, ...limits };
  }

  /**
   * @param key one that the call will read
   * @param group what the items that can go together have in common: by themselves, that one script may touch them all
   */
  ask(item: Item, key: string, group = togetherOf(this.redis, key)): Promise<Reply> {
    const asked = { item, ...Promise.withResolvers<Reply>() };
    const { items, weigh, weight } = this.limits;
    const own = weigh(item);
    const full = this.waiting.get(group);
    if (full && full.weight + own > weight) void this.send(group);
    const others = this.waiting.get(group);
    if (!others) {
      this.waiting.set(group, { key, asked: [asked], weight: own });
      pulseOf(this.redis, key).join(() => this.send(group));
    } else {
      others.weight += own;
      if (others.asked.push(asked) === items) void this.send(group);
    }
    return asked.promise;
  }

  private async send(group: string): Promise<void> {
    const waiting = this.waiting.get(group);
    if (!waiting) return;
    this.waiting.delete(group);
    const { asked, key, weight } = waiting;
    const call = () => this.call(asked.map(({ item }) => item));
    try {
      const replies = await (weight > HEAVY_WEIGHT ? inHeavyLane(this.redis, key, call) : call());
      for (const [i, { resolve }] of asked.entries()) resolve(replies[i] as Reply);
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
