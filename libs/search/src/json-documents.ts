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

/** What Redis Search found: how many there are, and some of them, as members of a sorted set would be. */
interface Found {
  readonly total: number;
  readonly members: readonly string[];
}

/**
 * A document as a JSON value of its own. It is written whole: what was there before does not matter, nor whether a
 * version was skipped.
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
 * `at` says of which generation it is; `order` is what it is sorted by, in hexadecimal, which has the order of bytes;
 * `texts` are what it is found by: words, or of a name every beginning, since Redis Search gives up a search for a
 * prefix behind 200 names, and says nothing.
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

/** As a tag that is a word whatever is in it. */
const tagOf = (beginning: string) => `x${hexOf(beginning)}`;

function beginningsOf(name: string): string[] {
  const characters = [...name];
  return characters.map((_, i) => tagOf(characters.slice(0, i + 1).join('')));
}

/** RedisJSON takes text that is Unicode only, and an error behind the acknowledgement would lose the event. */
function withoutLoneSurrogates(json: string): string {
  // `JSON.stringify` escapes no others. Every escape is matched, so that a backslash before a `u` is not taken for one.
  return json.replaceAll(/\\(?:(ud[89a-f][0-9a-f]{2})|.)/g, (escaped, lone) => (lone ? '\ufffd' : escaped));
}

/** `FT.CREATE` for all generations of all partitions: a query names those that it means. */
export function indexCommand(prefix: string): [command: string, ...args: string[]] {
  return [
    ...(['FT.CREATE', documentIndex(prefix), 'ON', 'JSON', 'PREFIX', '1', playersPrefix(prefix)] as const),
    ...['SCHEMA', '$.at', 'AS', 'at', 'TAG', 'CASESENSITIVE'],
    ...['$.kind', 'AS', 'kind', 'TAG', 'CASESENSITIVE'],
    ...['$.texts[*]', 'AS', 'text', 'TAG', 'CASESENSITIVE'],
    ...['$.order', 'AS', 'order', 'TAG', 'CASESENSITIVE', 'SORTABLE'],
  ];
}

/** Makes the index, if there is none. @returns whether there was none */
export async function createIndex(redis: RedisClient, prefix: string): Promise<boolean> {
  try {
    await redis.call(...indexCommand(prefix));
    return true;
  } catch (error) {
    if (/already exists/i.test((error as Error).message)) return false;
    throw error;
  }
}

/** Leaves the documents. Without the index, none are built as JSON. */
export async function dropIndex(redis: RedisClient, prefix: string): Promise<void> {
  await redis.call('FT.DROPINDEX', documentIndex(prefix));
}

/**
 * `FT.SEARCH` for documents that have all of some tags. What is looked for travels as parameters: nothing in it can
 * mean anything to a query.
 *
 * @param labels of generations: letters and digits
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

/** Reads the reply to a search: `[total, key, fields, ...]`, or with RESP3 a map, which the client makes pairs of. */
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

/** Redis Search finds in all partitions at once; it knows pages by their number only. */
export class JsonDocuments implements Documents {
  constructor(
    private readonly redis: RedisClient,
    private readonly prefix: string,
  ) {}

  /** The number of a page holds while nobody comes or goes before it; else its place is looked for by halves. */
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
