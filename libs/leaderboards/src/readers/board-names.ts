import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PartitionKeys, Topology } from '#libs/event-log';
import { stateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { leaderboards } from '../ranking/leaderboard.store.js';

/** The cursor of the next page, 0 after the last one, and names. */
type NamesPage = [next: string, ...names: string[]];

const listBoards = script<NamesPage>('list-boards');

/** Each attempt fails only if boards were created or removed meanwhile. The last one is used anyway. */
const MAX_ATTEMPTS = 3;

/** The names of the boards of a partition. They are up to date as long as the partition has the same stamp. */
interface NamesList {
  readonly stamp: string;
  readonly names: readonly string[];
}

/**
 * The names of all boards, in alphabetical order. The names of each partition are cached, and listed again, page by page,
 * after boards were created or removed.
 */
export class BoardNames {
  private readonly listed = new Map<PartitionKeys, NamesList>();
  private readonly listing = new Map<PartitionKeys, Promise<readonly string[]>>();

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /** @returns the first names after `after` */
  async page(after: string | undefined, count: number): Promise<string[]> {
    const all = await Promise.all(this.topology.all('scores').map(keys => this.namesIn(keys)));
    const first = all.flatMap(names => {
      const start = after === undefined ? 0 : indexAfter(names, after);
      return names.slice(start, start + count);
    });
    return [...new Set(first)].sort().slice(0, count);
  }

  private async namesIn(keys: PartitionKeys): Promise<readonly string[]> {
    const known = this.listed.get(keys);
    if (known && known.stamp === (await this.stampOf(keys)).stamp) return known.names;
    const running = this.listing.get(keys);
    // A listing that is already running can be older than this call, so check its stamp afterwards.
    if (running !== undefined) return running.then(() => this.namesIn(keys));
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
      if (attempt === MAX_ATTEMPTS || (await this.stampOf(keys)).stamp === stamp) return listed.names;
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

  /** The stamp changes with the boards: the revision when an event is applied, and the number of definitions when it is appended. */
  private async stampOf(keys: PartitionKeys): Promise<{ stamp: string; generation: number }> {
    const [[generation, revision], defined] = await Promise.all([
      this.redis.hmget(keys.live(leaderboards.name), 'generation', 'revision'),
      this.redis.hlen(keys.definitions()),
    ]);
    return { stamp: `${generation} ${revision} ${defined}`, generation: Number(generation ?? 1) };
  }
}

/** The index of the first name after another one. */
function indexAfter(names: readonly string[], after: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((names[middle] ?? '') > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
