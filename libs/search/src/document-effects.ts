import type { Effect } from '#libs/projections';
import type { DocumentPlace, PlayerDocument } from './documents.js';
import { jsonEffects } from './json-documents.js';
import { plainEffects } from './plain-documents.js';

/** What is written when a document changes, in the same step; nothing for one that is not there. */
export function documentEffects(
  place: DocumentPlace,
  before: PlayerDocument | undefined,
  after: PlayerDocument | undefined,
): Effect[] {
  return place.keys.documents === 'json'
    ? jsonEffects(place, before, after)
    : plainEffects(place, before, after);
}
