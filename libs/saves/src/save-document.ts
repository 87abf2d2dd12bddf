import type { Effect, StateKeys } from '#libs/projections';
import { documentEffects, type PlayerDocument, wordsOf } from '#libs/search';
import type { SaveState } from './save.fold.js';
import { isSearchable } from './searchable-slots.js';

/** The index changes when a save in a searchable slot changes or is deleted; none for other slots. */
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

/** Undefined for a deletion. */
function documentOf(slot: string, save: SaveState | undefined): PlayerDocument | undefined {
  if (save?.bytes === undefined) return undefined;
  return { texts: documentTexts(slot, save), json: JSON.stringify({ name: save.name }) };
}

/** The index terms of a document: each word of its name, and the empty word, which matches every document. */
export function documentTexts(slot: string, save: SaveState | undefined): string[] {
  if (!isSearchable(slot) || save?.bytes === undefined) return [];
  return ['', ...wordsOf(save.name ?? '')];
}
