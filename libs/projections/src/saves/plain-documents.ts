import { Script } from '#libs/redis';
import type { LiveState } from '../live-state.js';
import type { Effect } from '../projection.js';
import type { DocumentPlace, Documents, LivePartition, Matches, PlayerDocument } from './documents.js';
import { byBytes, memberOf, PROFILES } from './search-terms.js';

const listNames = new Script<string[]>('list-names');
const matchWords = new Script<[total: number, ...players: string[]]>('match-words');

/** Documents of a partition whose words are compared, at most: Redis does nothing else meanwhile. */
const MAX_LOOKED_AT = 10_000;

/** Brings a sorted set of texts from what a document was found by to what it is found by now. */
export function plainEffects(
  { keys, collection, player }: DocumentPlace,
  before: PlayerDocument | undefined,
  after: PlayerDocument | undefined,
): Effect[] {
  const target = { type: 'zset', key: keys.search(collection) } as const;
  const [old, now] = [before?.texts ?? [], after?.texts ?? []];
  const gone = old.filter(text => !now.includes(text));
  const come = now.filter(text => !old.includes(text));
  return [
    ...gone.map((text): Effect => ({ ...target, command: 'ZREM', args: [memberOf(text, player)] })),
    ...come.map((text): Effect => ({ ...target, command: 'ZADD', args: ['0', memberOf(text, player)] })),
  ];
}

/** For any Redis: partitions are asked each for itself, all at the same time. */
export class PlainDocuments implements Documents {
  constructor(private readonly live: LiveState) {}

  async names(
    partitions: readonly LivePartition[],
    prefix: string,
    after: string,
    _seen: number,
    limit: number,
  ): Promise<string[]> {
    const found = await Promise.all(
      partitions.map(({ keys }) =>
        this.live.read(listNames, keys, state => [state.search(PROFILES)], [prefix, after, limit]),
      ),
    );
    return found.flat().sort(byBytes).slice(0, limit);
  }

  /** Of several words, no more than 10,000 documents in each partition are looked at. */
  async matches(
    partitions: readonly LivePartition[],
    slot: string,
    words: readonly string[],
    limit: number,
  ): Promise<Matches> {
    const found = await Promise.all(
      partitions.map(({ keys }) =>
        this.live.read(matchWords, keys, state => [state.search(slot)], [limit, MAX_LOOKED_AT, ...words]),
      ),
    );
    const players = found.flatMap(([, ...players]) => players).sort(byBytes);
    return { total: found.reduce((sum, [total]) => sum + total, 0), players: players.slice(0, limit) };
  }
}
