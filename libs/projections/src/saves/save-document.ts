import type { StateKeys } from '#libs/redis';
import type { Effect } from '../projection.js';
import { documentEffects, type PlayerDocument } from './documents.js';
import type { SaveState } from './save.fold.js';
import { documentTexts, isSearchable } from './search-terms.js';

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
