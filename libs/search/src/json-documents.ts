import type { Effect } from '#libs/projections';
import { pairs, type RedisClient } from '#libs/redis';
import {
  type DocumentPlace,
  type Documents,
  type LivePartition,
  type Matches,
  type PlayerDocument,
  PROFILES,
} from './documents.js';
import { documentIndex, playersPrefix } from './index-keys.js';
import { generationLabel, searchDocumentKey } from './keys.js';
import { byBytes, memberOf, playerOf } from './search-terms.js';

/** The result of Redis Search: the total, and some matches, in the format of sorted set members. */
interface Found {
  readonly total: number;
  readonly members: readonly string[];
}

/**
 * Stores a document as a JSON value. The whole value is written, so neither its earlier value nor skipped versions matter.
 */
export function jsonEffects(
  place: DocumentPlace,
  before: PlayerDocument | undefined,
  after: PlayerDocument | undefined,
): Effect[] {
  const { keys, collection, player } = place;
  const target = { type: 'ReJSON-RL', key: searchDocumentKey(keys, collection, player) } as const;
  if (after) return [{ ...target, command: 'JSON.SET', args: ['$', { document: jsonOf(place, after) }] }];
  return before ? [{ ...target, command: 'UNLINK', args: [] }] : [];
}

/**
 * `at` is the generation; `order` is the sort key in hexadecimal, which sorts like bytes; `texts` are the index terms: words, or
 * every prefix of a name, because a prefix search of Redis Search silently stops after 200 names.
 */
function jsonOf({ keys, collection, player }: DocumentPlace, { texts, json }: PlayerDocument): string {
  const isProfile = collection === PROFILES;
  const [name = ''] = texts;
  const index = JSON.stringify({
    at: generationLabel(keys),
    kind: collection,
    player,
    order: hexOf(memberOf(isProfile ? name : '', player)),
    texts: isProfile ? beginningsOf(name) : texts.filter(word => word !== ''),
  });
  return `${index.slice(0, -1)},"value":${withoutLoneSurrogates(json)}}`;
}

const hexOf = (text: string) => Buffer.from(text).toString('hex');

/** Encodes a text as a tag of letters and digits only. */
const tagOf = (beginning: string) => `x${hexOf(beginning)}`;

function beginningsOf(name: string): string[] {
  const characters = [...name];
  return characters.map((_, i) => tagOf(characters.slice(0, i + 1).join('')));
}

/** RedisJSON accepts only valid Unicode, and an error after the acknowledgement would lose the event. */
function withoutLoneSurrogates(json: string): string {
  // `JSON.stringify` only writes `\u` for lone surrogates. Matching every escape avoids mistaking an escaped backslash before a `u`.
  return json.replaceAll(/\\(?:(ud[89a-f][0-9a-f]{2})|.)/g, (escaped, lone) => (lone ? '\ufffd' : escaped));
}

/** `FT.CREATE` for all generations of all partitions. Queries select generations. */
export function indexCommand(prefix: string): [command: string, ...args: string[]] {
  return [
    ...(['FT.CREATE', documentIndex(prefix), 'ON', 'JSON', 'PREFIX', '1', playersPrefix(prefix)] as const),
    ...['SCHEMA', '$.at', 'AS', 'at', 'TAG', 'CASESENSITIVE'],
    ...['$.kind', 'AS', 'kind', 'TAG', 'CASESENSITIVE'],
    ...['$.texts[*]', 'AS', 'text', 'TAG', 'CASESENSITIVE'],
    ...['$.order', 'AS', 'order', 'TAG', 'CASESENSITIVE', 'SORTABLE'],
  ];
}

/** Creates the index if there is none. @returns whether it was created */
export async function createIndex(redis: RedisClient, prefix: string): Promise<boolean> {
  try {
    await redis.call(...indexCommand(prefix));
    return true;
  } catch (error) {
    if (/already exists/i.test((error as Error).message)) return false;
    throw error;
  }
}

/** Keeps the documents. Without the index, rebuilds do not use JSON. */
export async function dropIndex(redis: RedisClient, prefix: string): Promise<void> {
  await redis.call('FT.DROPINDEX', documentIndex(prefix));
}

/**
 * `FT.SEARCH` for documents with all of the given tags. Values are passed as parameters, so they cannot change the query.
 *
 * @param labels labels of generations: letters and digits
 */
export function searchCommand(
  prefix: string,
  labels: readonly string[],
  kind: string,
  tags: readonly string[],
  offset: number,
  limit: number,
): [command: string, ...args: string[]] {
  const query = [`@at:{${labels.join('|')}}`, '@kind:{$kind}', ...tags.map((_, i) => `@text:{$t${i}}`)];
  const parameters = ['kind', kind, ...tags.flatMap((tag, i) => [`t${i}`, tag])];
  return [
    ...(['FT.SEARCH', documentIndex(prefix), query.join(' ')] as const),
    ...['RETURN', '1', 'order', 'SORTBY', 'order', 'ASC', 'LIMIT', String(offset), String(limit)],
    ...['PARAMS', String(parameters.length), ...parameters, 'DIALECT', '2'],
  ];
}

/** Parses the reply to a search: `[total, key, fields, ...]`, or with RESP3 a map, which the client turns into pairs. */
export function parseFound(reply: readonly unknown[]): Found {
  if (typeof reply[0] === 'number') {
    const fields = reply.filter((_, i) => i > 0 && i % 2 === 0) as string[][];
    return { total: reply[0], members: fields.map(memberIn) };
  }
  const { total_results: total, results } = mapOf(reply);
  const documents = (results as unknown[][]).map(result => mapOf(result).extra_attributes as string[]);
  return { total: total as number, members: documents.map(memberIn) };
}

const mapOf = (flat: readonly unknown[]): Record<string, unknown> =>
  Object.fromEntries(pairs(flat as string[]));

function memberIn(fields: readonly string[]): string {
  return Buffer.from(String(mapOf(fields).order), 'hex').toString();
}

/** Redis Search searches all partitions at once, and pages by offset only. */
export class JsonDocuments implements Documents {
  constructor(
    private readonly redis: RedisClient,
    private readonly prefix: string,
  ) {}

  /** The offset of a page is right unless names were added or removed before it. Then a binary search finds the place. */
  async names(
    partitions: readonly LivePartition[],
    prefix: string,
    after: string,
    seen: number,
    limit: number,
  ): Promise<string[]> {
    const page = (offset: number, length: number) =>
      this.search(partitions, PROFILES, [tagOf(prefix)], offset, length);
    if (after === '') return [...(await page(0, limit)).members];
    const { total, members } = await page(Math.max(0, seen - 1), limit + 1);
    const isBehind = (member: string | undefined) => member === undefined || byBytes(member, after) > 0;
    const [last, ...found] = members;
    if (!isBehind(last) && isBehind(found[0])) return found;
    let [low, high] = [0, total];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [member] = (await page(middle, 1)).members;
      if (isBehind(member)) high = middle;
      else low = middle + 1;
    }
    return [...(await page(low, limit)).members];
  }

  async matches(
    partitions: readonly LivePartition[],
    slot: string,
    words: readonly string[],
    limit: number,
  ): Promise<Matches> {
    const tags = words.filter(word => word !== '');
    const { total, members } = await this.search(partitions, slot, tags, 0, limit);
    return { total, players: members.map(playerOf) };
  }

  private async search(
    partitions: readonly LivePartition[],
    kind: string,
    tags: readonly string[],
    offset: number,
    limit: number,
  ): Promise<Found> {
    const labels = partitions.map(({ state }) => generationLabel(state));
    const [command, ...args] = searchCommand(this.prefix, labels, kind, tags, offset, limit);
    return parseFound((await this.redis.call(command, ...args)) as unknown[]);
  }
}
