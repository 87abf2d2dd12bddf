import type { JsonValue } from '#libs/events';
import type { SaveState } from './save.fold.js';

/** The collection of all profiles that have a name. */
export const PROFILES = 'profiles';

/** Slots whose documents are found from outside: a client of its own keeps its players' documents there. */
export const CACHE_QUEST_PLAYER = 'cache-quest:player';
export const CACHE_QUEST_GAME = 'cache-quest:game';

export type SearchableSlot = typeof CACHE_QUEST_PLAYER | typeof CACHE_QUEST_GAME;

/** Characters of a document's name that count. */
const MAX_NAME = 128;
/** Characters of a folded name that count, and that are compared with what is looked for. */
const MAX_FOLDED = 64;

/** Separators of Redis Search: white space and ASCII punctuation, but for the underscore. Emoji are letters. */
const SEPARATORS = /[\s!-/:-@[-^`{-~]+/;

export const isFoundByName = (slot: string): boolean => slot === CACHE_QUEST_PLAYER;

export const isSearchable = (slot: string): slot is SearchableSlot =>
  slot === CACHE_QUEST_PLAYER || slot === CACHE_QUEST_GAME;

/**
 * Text as it is compared: of one form (NFKC), without case (sharp s is ss, a final sigma a sigma), without characters
 * that nobody sees, and with one space where there were several. Accents stay, as in Redis Search.
 */
function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replaceAll('\u03c2', '\u03c3')
    .normalize('NFKC')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]+/gu, '');
}

/** A beginning of a name, as it is compared with names. Empty when there is nothing to be seen in it. */
export function foldPrefix(text: string): string {
  return [...fold(text).trimStart()].slice(0, MAX_FOLDED).join('');
}

/** The words of a text, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(fold(text).split(SEPARATORS))].filter(word => word !== '');
}

/** What a profile is found by. */
export function nameTexts(name: string | undefined): string[] {
  const folded = foldPrefix(name ?? '').trimEnd();
  return folded === '' ? [] : [folded];
}

/** What a document is found by: each word of its name, and the empty word, which all of them have. */
export function documentTexts(slot: string, save: SaveState | undefined): string[] {
  if (!isSearchable(slot) || save?.bytes === undefined) return [];
  return ['', ...wordsOf(save.name ?? '')];
}

/** The name in a document, if there is one: its beginning, where it is long. */
export function documentName(document: string): string | undefined {
  const value = JSON.parse(document) as JsonValue;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'name')) return undefined;
  const { name } = value as { readonly name: JsonValue };
  return typeof name === 'string' ? [...name.toWellFormed()].slice(0, MAX_NAME).join('') : undefined;
}

/** Member of a sorted set of texts. Neither holds a NUL: by bytes, members go by text, then by player. */
export const memberOf = (text: string, player: string): string => `${text}\0${player}`;

export const playerOf = (member: string): string => member.slice(member.indexOf('\0') + 1);

/** Redis compares bytes, which are not in the order of JavaScript's text. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
