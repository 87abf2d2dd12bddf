import { isDeepStrictEqual } from 'node:util';
import { InvalidCursorError, type Topology } from '#libs/event-log';
import {
  type DocumentStoreName,
  documentStoreIn,
  documentStoreName,
  LogMovedError,
  MOVED,
  type RedisClient,
  Script,
} from '#libs/redis';
import { LiveState } from '../live-state.js';
import type { Documents, LivePartition, Matches } from './documents.js';
import { JsonDocuments } from './json-documents.js';
import { PlainDocuments } from './plain-documents.js';
import { parseSave, saves } from './save.store.js';
import {
  byBytes,
  documentTexts,
  foldPrefix,
  playerOf,
  type SearchableSlot,
  wordsOf,
} from './search-terms.js';

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

const readFields = new Script<(string | null)[]>('read-fields');

/** How often generations can be switched while one question is asked. */
const ATTEMPTS = 5;

/** Finds players by what their profiles and documents say, in whichever store these are. */
export class PlayerSearch {
  private readonly live: LiveState;
  private readonly plain: PlainDocuments;
  private readonly json: JsonDocuments;
  /** What the server can have; nothing until it answered. */
  private server: DocumentStoreName | undefined;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, saves.name);
    this.plain = new PlainDocuments(redis, this.live);
    this.json = new JsonDocuments(redis, topology.prefix);
  }

  /**
   * Players whose name begins with a text, whatever its case. A page costs the same however many there are.
   *
   * @throws InvalidCursorError
   */
  async byName(beginning: string, { limit, cursor }: NameQuery): Promise<FoundPlayers> {
    const prefix = foldPrefix(beginning);
    const { seen, after } = cursor === undefined ? { seen: 0, after: '' } : parseCursor(cursor, prefix);
    if (prefix === '') return { players: [] };
    const found = await this.ask((documents, partitions) =>
      documents.names(partitions, prefix, after, seen, limit + 1),
    );
    const members = found.flat().sort(byBytes);
    const page = members.slice(0, limit);
    const last = members.length > limit ? page.at(-1) : undefined;
    const next = last !== undefined && formatCursor(seen + limit, last);
    return { players: page.map(playerOf), ...(next && { next }) };
  }

  /** Players, by id, who have a document in the slot that is as the query says: all of them, when it says nothing. */
  async documents(slot: SearchableSlot, { words, id, limit }: DocumentQuery): Promise<Matches> {
    const wanted = words === undefined ? [''] : wordsOf(words);
    if (wanted.length === 0) return { total: 0, players: [] };
    if (id !== undefined) return this.ofPlayer(slot, wanted, id);
    const found = await this.ask((documents, partitions) =>
      documents.matches(partitions, slot, wanted, limit),
    );
    const players = found.flatMap(({ players }) => players).sort(byBytes);
    return { total: found.reduce((sum, { total }) => sum + total, 0), players: players.slice(0, limit) };
  }

  private async ofPlayer(slot: SearchableSlot, words: readonly string[], id: string): Promise<Matches> {
    const keys = this.topology.of(saves.stream, id);
    const [line] = await this.live.read(readFields, keys, state => [state.saves(id)], [slot]);
    const texts = documentTexts(slot, line == null ? undefined : parseSave(line));
    const players = words.every(word => texts.includes(word)) ? [id] : [];
    return { total: players.length, players };
  }

  /** Asks each store for the partitions that it has: while a rebuild changes the store, there are two. */
  private async ask<T>(question: (of: Documents, partitions: readonly LivePartition[]) => Promise<T>) {
    for (let attempt = 1; ; attempt++) {
      const partitions = await this.partitions();
      const { plain = [], json = [] } = Object.groupBy(partitions, ({ state }) => state.documents);
      const found = await Promise.all([
        ...(plain.length > 0 ? [question(this.plain, plain)] : []),
        ...(json.length > 0 ? [question(this.json, json)] : []),
      ]);
      // A generation that was switched meanwhile may have been swept while it was searched.
      if (isDeepStrictEqual(await this.partitions(), partitions) || attempt === ATTEMPTS) return found;
    }
  }

  private async partitions(): Promise<LivePartition[]> {
    this.server ??= await documentStoreIn(this.redis, this.topology.prefix);
    const all = this.topology.all(saves.stream);
    // Only sorted sets are possible, whose scripts look for themselves.
    if (this.server === 'plain') return all.map(keys => ({ keys, state: keys.state(1) }));
    return Promise.all(
      all.map(async keys => {
        const [generation, store] = await this.redis.hmget(keys.live(saves.name), 'generation', 'documents');
        if (generation === MOVED) throw new LogMovedError();
        return { keys, state: keys.state(Number(generation ?? 1), documentStoreName(store)) };
      }),
    );
  }
}

/** How many came before, and a member: it stays a place when it is gone. */
const formatCursor = (seen: number, member: string) => Buffer.from(`${seen} ${member}`).toString('base64url');

/** @throws InvalidCursorError for what was no `next` of a page of this beginning */
function parseCursor(cursor: string, prefix: string): { seen: number; after: string } {
  const [, seen, after] = /^(\d{1,6}) (.*\0.*)$/su.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seen === undefined || !after?.startsWith(prefix)) throw new InvalidCursorError();
  return { seen: Number(seen), after };
}
