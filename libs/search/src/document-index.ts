import { isDeepStrictEqual } from 'node:util';
import { LogMovedError, MOVED, type Topology } from '#libs/event-log';
import { type DocumentStoreName, documentStoreName, LiveState, stateKeys } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { documentStoreIn } from './document-store.js';
import { DOCUMENTS_GROUP, type Documents, type LivePartition, type Matches } from './documents.js';
import { JsonDocuments } from './json-documents.js';
import { PlainDocuments } from './plain-documents.js';
import { byBytes } from './search-terms.js';

/** How many switches of generations one query tolerates. */
const MAX_ATTEMPTS = 5;

/** Finds players by their documents, in all partitions, whichever store each partition has. */
export class DocumentIndex {
  private readonly plain: PlainDocuments;
  private readonly json: JsonDocuments;
  /** The best store that the server offers; undefined until it has answered. */
  private serverStore: DocumentStoreName | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.plain = new PlainDocuments(redis, new LiveState(redis, DOCUMENTS_GROUP));
    this.json = new JsonDocuments(redis, topology.prefix);
  }

  /**
   * Profile names that begin with `prefix`, as members of the sorted set, in byte order.
   *
   * @param after the member after which to begin; empty for the first page
   * @param seen the approximate number of members before the page
   * @param limit maximum members from each partition
   */
  async names(prefix: string, after: string, seen: number, limit: number): Promise<string[]> {
    const found = await this.query((documents, partitions) =>
      documents.names(partitions, prefix, after, seen, limit),
    );
    return found.flat().sort(byBytes);
  }

  /** Players whose document in `slot` contains all `words`, by id. The empty word matches every document. */
  async matches(slot: string, words: readonly string[], limit: number): Promise<Matches> {
    const found = await this.query((documents, partitions) =>
      documents.matches(partitions, slot, words, limit),
    );
    const players = found.flatMap(({ players }) => players).sort(byBytes);
    return { total: found.reduce((sum, { total }) => sum + total, 0), players: players.slice(0, limit) };
  }

  /** Queries each store for its partitions. There are two stores while a rebuild changes the store. */
  private async query<T>(run: (store: Documents, partitions: readonly LivePartition[]) => Promise<T>) {
    for (let attempt = 1; ; attempt++) {
      const partitions = await this.partitions();
      const { plain = [], json = [] } = Object.groupBy(partitions, ({ state }) => state.documents);
      const found = await Promise.all([
        ...(plain.length > 0 ? [run(this.plain, plain)] : []),
        ...(json.length > 0 ? [run(this.json, json)] : []),
      ]);
      // After a switch, the old generation may have been deleted while it was read.
      if (isDeepStrictEqual(await this.partitions(), partitions) || attempt === MAX_ATTEMPTS) return found;
    }
  }

  private async partitions(): Promise<LivePartition[]> {
    this.serverStore ??= await documentStoreIn(this.redis, this.topology.prefix);
    const all = this.topology.all('players');
    // Sorted sets are read by scripts, which look up the live generation themselves.
    if (this.serverStore === 'plain') return all.map(keys => ({ keys, state: stateKeys(keys, 1) }));
    return Promise.all(
      all.map(async keys => {
        const live = keys.live(DOCUMENTS_GROUP);
        const [generation, store] = await this.redis.hmget(live, 'generation', 'documents');
        if (generation === MOVED) throw new LogMovedError();
        return { keys, state: stateKeys(keys, Number(generation ?? 1), documentStoreName(store)) };
      }),
    );
  }
}
