import type { Effect } from '#libs/projections';
import type { DocumentPlace, PlayerDocument } from './documents.js';
import { jsonEffects } from './json-documents.js';
import { plainEffects } from './plain-documents.js';

/** The index changes that are written together with a document; none if there is no document. */
export function documentEffects(
  place: DocumentPlace,
  before: PlayerDocument | undefined,
  after: PlayerDocument | undefined,
): Effect[] {
  return place.keys.documents === 'json'
    ? jsonEffects(place, before, after)
    : plainEffects(place, before, after);
}
