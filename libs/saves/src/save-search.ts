import type { Topology } from '#libs/event-log';
import { LiveState, readFields } from '#libs/projections';
import { type RedisClient } from '#libs/redis';
import { DOCUMENTS_GROUP, DocumentIndex, type Matches, wordsOf } from '#libs/search';
import { slotsKey } from './keys.js';
import { parseSave } from './save.store.js';
import { documentTexts } from './save-document.js';
import type { SearchableSlot } from './searchable-slots.js';

export interface SaveQuery {
  /** Words that the document's `name` must contain, in any order. A text without words matches nothing. */
  readonly words?: string | undefined;
  /** The owner of the document. */
  readonly player?: string | undefined;
  /** Maximum players. */
  readonly limit: number;
}

/** Finds saves in the searchable slots by the words of their document's `name`. */
export class SaveSearch {
  private readonly live: LiveState;
  private readonly index: DocumentIndex;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, DOCUMENTS_GROUP);
    this.index = new DocumentIndex(redis, topology);
  }

  /** Players with a matching document in `slot`, by id. A query without words and player matches every document. */
  async find(slot: SearchableSlot, { words, player, limit }: SaveQuery): Promise<Matches> {
    const wanted = words === undefined ? [''] : wordsOf(words);
    if (wanted.length === 0) return { total: 0, players: [] };
    if (player !== undefined) return this.findOne(slot, wanted, player);
    return this.index.matches(slot, wanted, limit);
  }

  private async findOne(slot: SearchableSlot, words: readonly string[], player: string): Promise<Matches> {
    const keys = this.topology.of('players', player);
    const [line] = await this.live.read(readFields, keys, state => [slotsKey(state, player)], [slot]);
    const texts = documentTexts(slot, line == null ? undefined : parseSave(line));
    const players = words.every(word => texts.includes(word)) ? [player] : [];
    return { total: players.length, players };
  }
}
