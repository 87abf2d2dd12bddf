import { InvalidCursorError, type Topology } from '#libs/event-log';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';
import { LiveState } from '../live-state.js';
import { parseSave, saves } from './save.store.js';
import { documentTexts, foldPrefix, PROFILES, type SearchableSlot, wordsOf } from './search-terms.js';

export interface NameQuery {
  /** Players, at most. */
  readonly limit: number;
  /** The `next` of a page. */
  readonly cursor?: string | undefined;
}

export interface FoundPlayers {
  /** In the order of their folded names; those of one name by id. */
  readonly players: readonly string[];
  /** Where the next page begins, when there is more. */
  readonly next?: string;
}

export interface DocumentQuery {
  /** Text whose words the document's name must have, all of them, in any order; one without a word finds nothing. */
  readonly words?: string | undefined;
  /** Whose document: a player's id. */
  readonly id?: string | undefined;
  /** Players, at most. */
  readonly limit: number;
}

export interface FoundDocuments {
  /** How many match; with several words, of the first 10,000 in each partition that have the rarest one. */
  readonly total: number;
  /** Whose, by id. */
  readonly players: readonly string[];
}

const listNames = new Script<string[]>('list-names');
const readFields = new Script<(string | null)[]>('read-fields');
const matchWords = new Script<[total: number, ...players: string[]]>('match-words');

/** Documents of a partition whose words are compared, at most: Redis does nothing else meanwhile. */
const MAX_LOOKED_AT = 10_000;

/** Finds players by what their profiles and documents say. All partitions are asked at the same time. */
export class PlayerSearch {
  private readonly live: LiveState;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, saves.name);
  }

  /**
   * Players whose name begins with a text, whatever its case. A page costs the same however many there are.
   *
   * @throws InvalidCursorError
   */
  async byName(beginning: string, { limit, cursor }: NameQuery): Promise<FoundPlayers> {
    const prefix = foldPrefix(beginning);
    const after = cursor === undefined ? '' : parseCursor(cursor, prefix);
    if (prefix === '') return { players: [] };
    const found = await this.everywhere(keys =>
      this.live.read(listNames, keys, state => [state.search(PROFILES)], [prefix, after, limit + 1]),
    );
    const members = found.flat().sort(byBytes);
    const page = members.slice(0, limit);
    const last = members.length > limit ? page.at(-1) : undefined;
    return { players: page.map(playerOf), ...(last !== undefined && { next: formatCursor(last) }) };
  }

  /** Players who have a document in the slot that is as the query says: all of them, when it says nothing. */
  async documents(slot: SearchableSlot, { words, id, limit }: DocumentQuery): Promise<FoundDocuments> {
    const wanted = words === undefined ? [''] : wordsOf(words);
    if (wanted.length === 0) return { total: 0, players: [] };
    if (id !== undefined) return this.ofPlayer(slot, wanted, id);
    const found = await this.everywhere(keys =>
      this.live.read(matchWords, keys, state => [state.search(slot)], [limit, MAX_LOOKED_AT, ...wanted]),
    );
    const players = found.flatMap(([, ...players]) => players).sort(byBytes);
    return { total: found.reduce((sum, [total]) => sum + total, 0), players: players.slice(0, limit) };
  }

  private async ofPlayer(
    slot: SearchableSlot,
    words: readonly string[],
    id: string,
  ): Promise<FoundDocuments> {
    const keys = this.topology.of(saves.stream, id);
    const [line] = await this.live.read(readFields, keys, state => [state.saves(id)], [slot]);
    const texts = documentTexts(slot, line == null ? undefined : parseSave(line));
    const players = words.every(word => texts.includes(word)) ? [id] : [];
    return { total: players.length, players };
  }

  private everywhere<T>(ask: (keys: PartitionKeys) => Promise<T>): Promise<T[]> {
    return Promise.all(this.topology.all(saves.stream).map(ask));
  }
}

/** A member of a sorted set of names, as clients hold it: it stays a place when it is gone. */
const formatCursor = (member: string) => Buffer.from(member).toString('base64url');

/** @throws InvalidCursorError for what was no `next` of a page of this beginning */
function parseCursor(cursor: string, prefix: string): string {
  const member = Buffer.from(cursor, 'base64url').toString();
  if (!member.includes('\0') || !member.startsWith(prefix)) throw new InvalidCursorError();
  return member;
}

const playerOf = (member: string) => member.slice(member.indexOf('\0') + 1);

/** Redis compares bytes, which are not in the order of JavaScript's text. */
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
