import type { Effect, StateKeys } from '#libs/projections';
import { documentEffects, type PlayerDocument, wordsOf } from '#libs/search';
import type { SaveState } from './save.fold.js';
import { isSearchable } from './searchable-slots.js';

/** What is written for a save that is found from outside, when it changes or goes; nothing for any other. */
export function saveDocumentEffects(
  { player, slot }: { readonly player: string; readonly slot: string },
  before: SaveState | undefined,
  after: SaveState | undefined,
  keys: StateKeys,
): Effect[] {
  if (!isSearchable(slot)) return [];
  const place = { keys, collection: slot, player };
  return documentEffects(place, documentOf(slot, before), documentOf(slot, after));
}

/** Nothing for a deletion. */
function documentOf(slot: string, save: SaveState | undefined): PlayerDocument | undefined {
  if (save?.bytes === undefined) return undefined;
  return { texts: documentTexts(slot, save), json: JSON.stringify({ name: save.name }) };
}

/** What a document is found by: each word of its name, and the empty word, which all of them have. */
export function documentTexts(slot: string, save: SaveState | undefined): string[] {
  if (!isSearchable(slot) || save?.bytes === undefined) return [];
  return ['', ...wordsOf(save.name ?? '')];
}
