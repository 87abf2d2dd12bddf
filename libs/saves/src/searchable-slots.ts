import type { JsonValue } from '#libs/events';

/** Slots whose documents can be searched: the Cache Quest client stores its players' documents there. */
export const CACHE_QUEST_PLAYER = 'cache-quest:player';
export const CACHE_QUEST_GAME = 'cache-quest:game';

export type SearchableSlot = typeof CACHE_QUEST_PLAYER | typeof CACHE_QUEST_GAME;

/** Only this many characters of a name are indexed. */
const MAX_NAME = 128;
export const isFoundByName = (slot: string): boolean => slot === CACHE_QUEST_PLAYER;

export const isSearchable = (slot: string): slot is SearchableSlot =>
  slot === CACHE_QUEST_PLAYER || slot === CACHE_QUEST_GAME;

/** The name in a document, cut to the indexed length; undefined if there is none. */
export function documentName(document: string): string | undefined {
  const value = JSON.parse(document) as JsonValue;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'name')) return undefined;
  const { name } = value as { readonly name: JsonValue };
  return typeof name === 'string' ? [...name.toWellFormed()].slice(0, MAX_NAME).join('') : undefined;
}
