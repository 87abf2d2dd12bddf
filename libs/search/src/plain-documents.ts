import type { Effect, LiveState } from '#libs/projections';
import { inHeavyLane, type RedisClient } from '#libs/redis';
import {
  type DocumentPlace,
  type Documents,
  type LivePartition,
  type Matches,
  type PlayerDocument,
  PROFILES,
} from './documents.js';
import { searchTermsKey } from './keys.js';
import { script } from './lua.js';
import { byBytes, memberOf } from './search-terms.js';

const listNames = script<string[]>('list-names');
const matchWords = script<[total: number, next: string, ...players: string[]]>('match-words');

/** Limits of a query with several words, per partition: examined documents, and comparisons. */
const MAX_LOOKED_AT = 10_000;
const MAX_COMPARISONS = 40_000;
/** Maximum comparisons in one call, during which Redis does nothing else. */
const CALL_COMPARISONS = 500;

/** Updates a sorted set from the old index terms of a document to the new ones. */
export function plainEffects(
  { keys, collection, player }: DocumentPlace,
  before: PlayerDocument | undefined,
  after: PlayerDocument | undefined,
): Effect[] {
  const target = { type: 'zset', key: searchTermsKey(keys, collection) } as const;
  const [old, now] = [before?.texts ?? [], after?.texts ?? []];
  const gone = old.filter(text => !now.includes(text));
  const come = now.filter(text => !old.includes(text));
  return [
    ...gone.map((text): Effect => ({ ...target, command: 'ZREM', args: [memberOf(text, player)] })),
    ...come.map((text): Effect => ({ ...target, command: 'ZADD', args: ['0', memberOf(text, player)] })),
  ];
}

/** The store for every Redis. It queries all partitions in parallel. */
export class PlainDocuments implements Documents {
  constructor(
    private readonly redis: RedisClient,
    private readonly live: LiveState,
  ) {}

  async names(
    partitions: readonly LivePartition[],
    prefix: string,
    after: string,
    _seen: number,
    limit: number,
  ): Promise<string[]> {
    const found = await Promise.all(
      partitions.map(({ keys }) =>
        this.live.read(listNames, keys, state => [searchTermsKey(state, PROFILES)], [prefix, after, limit]),
      ),
    );
    return found.flat().sort(byBytes).slice(0, limit);
  }

  /** With several words, it examines at most 10,000 documents in each partition, and compares 40,000 words. */
  async matches(
    partitions: readonly LivePartition[],
    slot: string,
    words: readonly string[],
    limit: number,
  ): Promise<Matches> {
    const found = await Promise.all(
      partitions.map(partition => this.matchesIn(partition, slot, words, limit)),
    );
    const players = found.flatMap(({ players }) => players).sort(byBytes);
    return { total: found.reduce((sum, { total }) => sum + total, 0), players: players.slice(0, limit) };
  }

  /** Searches a partition in slices. */
  private async matchesIn(
    { keys }: LivePartition,
    slot: string,
    words: readonly string[],
    limit: number,
  ): Promise<Matches> {
    const players: string[] = [];
    let total = 0;
    let after = '';
    let left = Math.min(MAX_LOOKED_AT, Math.ceil(MAX_COMPARISONS / words.length));
    do {
      const count = Math.min(left, Math.ceil(CALL_COMPARISONS / words.length));
      const args = [limit - players.length, count, after, ...words];
      const read = () => this.live.read(matchWords, keys, state => [searchTermsKey(state, slot)], args);
      const [matching, next, ...some] = await inHeavyLane(this.redis, keys.stream, read);
      total += matching;
      players.push(...some);
      after = next;
      left -= count;
    } while (after !== '' && left > 0);
    return { total, players };
  }
}
