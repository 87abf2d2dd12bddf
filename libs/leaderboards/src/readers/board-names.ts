import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PartitionKeys, Topology } from '#libs/event-log';
import { stateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { leaderboards } from '../ranking/leaderboard.store.js';

/** Where to go on, or 0; then names. */
type Stretch = [next: string, ...names: string[]];

const listBoards = script<Stretch>('list-boards');

/** How often boards can come or go while they are listed. */
const ATTEMPTS = 3;

/** What a partition's list of names was made of: while this is the same, so is the list. */
interface Listed {
  readonly stamp: string;
  readonly names: readonly string[];
}

/**
 * The names of all boards, in their order. A partition's names are remembered, and listed anew, a stretch at a time, when
 * its boards are others by now.
 */
export class BoardNames {
  private readonly listed = new Map<PartitionKeys, Listed>();
  private readonly listing = new Map<PartitionKeys, Promise<readonly string[]>>();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /** @returns the first names behind `after` */
  async page(after: string | undefined, count: number): Promise<string[]> {
    const all = await Promise.all(this.topology.all('scores').map(keys => this.namesIn(keys)));
    const first = all.flatMap(names => {
      const start = after === undefined ? 0 : behind(names, after);
      return names.slice(start, start + count);
    });
    return [...new Set(first)].sort().slice(0, count);
  }

  private async namesIn(keys: PartitionKeys): Promise<readonly string[]> {
    const known = this.listed.get(keys);
    if (known && known.stamp === (await this.stampOf(keys)).stamp) return known.names;
    const others = this.listing.get(keys);
    // What others have begun to list can be older than the question: it is looked at again.
    if (others !== undefined) return others.then(() => this.namesIn(keys));
    const listing = this.list(keys).finally(() => this.listing.delete(keys));
    this.listing.set(keys, listing);
    return listing;
  }

  private async list(keys: PartitionKeys): Promise<readonly string[]> {
    for (let attempt = 1; ; attempt++) {
      const { stamp, generation } = await this.stampOf(keys);
      const names = new Set<string>();
      await this.read(keys.definitions(), '', names);
      await this.read(stateKeys(keys, generation).rules(), 'q:', names);
      await nextTurn();
      const listed = { stamp, names: [...names].sort() };
      this.listed.set(keys, listed);
      if (attempt === ATTEMPTS || (await this.stampOf(keys)).stamp === stamp) return listed.names;
    }
  }

  private async read(key: string, prefix: string, names: Set<string>): Promise<void> {
    let cursor = '0';
    do {
      const [next, ...some] = await listBoards.run(this.redis, [key], [cursor, prefix]);
      for (const name of some) names.add(name);
      cursor = next;
    } while (cursor !== '0');
  }

  /** Every event that makes or removes a board changes the revision when it takes effect, and most the definitions at once. */
  private async stampOf(keys: PartitionKeys): Promise<{ stamp: string; generation: number }> {
    const [[generation, revision], defined] = await Promise.all([
      this.redis.hmget(keys.live(leaderboards.name), 'generation', 'revision'),
      this.redis.hlen(keys.definitions()),
    ]);
    return { stamp: `${generation} ${revision} ${defined}`, generation: Number(generation ?? 1) };
  }
}

/** The index of the first name behind another. */
function behind(names: readonly string[], after: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((names[middle] ?? '') > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
