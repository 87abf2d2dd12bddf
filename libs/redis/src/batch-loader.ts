import { hashSlotGroup, type RedisClient } from './clients/client.js';
import { flushSchedulerOf } from './flush-scheduler.js';
import { inHeavyLane } from './heavy-lane.js';

/** A caller's item, and the promise that the caller waits for. */
interface Request<Item, Reply> extends PromiseWithResolvers<Reply> {
  readonly item: Item;
}

/** Default maximum of items in one call. */
const MAX_BATCH_ITEMS = 32;

/** A heavier call waits until the previous heavy call is answered, so that other connections get their turn in between. */
const HEAVY_WEIGHT = 100;

export interface BatchLimits<Item> {
  /** Maximum items in one call. */
  readonly items?: number;
  /** What an item costs Redis, where items differ, in units of about 2 µs. Reading one board entry costs 1. */
  readonly weigh?: (item: Item) => number;
  /** Maximum weight of one call, unless a single item exceeds it. Redis does nothing else while the call runs. */
  readonly weight?: number;
}

/** The items of the next call. */
interface Batch<Item, Reply> {
  /** A key that the call reads. It decides the server. */
  readonly key: string;
  readonly asked: Request<Item, Reply>[];
  weight: number;
}

/**
 * Collects the items of many callers until the next flush and loads them with one call, because each command costs the
 * client more than the server. A full batch is sent at once: Redis works on it while the rest of a burst is still parsed.
 */
export class BatchLoader<Item, Reply> {
  private readonly batches = new Map<string, Batch<Item, Reply>>();
  private readonly limits: Required<BatchLimits<Item>>;

  /** @param call returns one reply per item, in order; if it rejects, every caller of the batch gets the error */
  constructor(
    private readonly redis: RedisClient,
    private readonly call: (items: readonly Item[]) => Promise<readonly Reply[]>,
    limits: BatchLimits<Item> = {},
  ) {
    this.limits = { items: MAX_BATCH_ITEMS, weigh: () => 0, weight: Number.POSITIVE_INFINITY, ...limits };
  }

  /**
   * @param key a key that the call reads
   * @param group items with the same group may share a call; by default, those that one script may read together
   */
  load(item: Item, key: string, group = hashSlotGroup(this.redis, key)): Promise<Reply> {
    const asked = { item, ...Promise.withResolvers<Reply>() };
    const { items, weigh, weight } = this.limits;
    const own = weigh(item);
    const full = this.batches.get(group);
    if (full && full.weight + own > weight) void this.send(group);
    const others = this.batches.get(group);
    if (!others) {
      this.batches.set(group, { key, asked: [asked], weight: own });
      flushSchedulerOf(this.redis, key).schedule(() => this.send(group));
    } else {
      others.weight += own;
      if (others.asked.push(asked) === items) void this.send(group);
    }
    return asked.promise;
  }

  private async send(group: string): Promise<void> {
    const waiting = this.batches.get(group);
    if (!waiting) return;
    this.batches.delete(group);
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
