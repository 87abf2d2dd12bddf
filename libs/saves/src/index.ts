export { documentKey, historyKey, historyKeys, slotsKey } from './keys.js';
export { evolvePastVersion, formatPastVersion, type PastVersion, parsePastVersion } from './past-version.js';
export { evolveSave, type SaveState } from './save.fold.js';
export { type Save, SaveReader, type SaveSlot } from './save.reader.js';
export { formatSave, parseSave, slotEffects } from './save.store.js';
export { saveDocumentEffects } from './save-document.js';
export { type SaveQuery, SaveSearch } from './save-search.js';
export {
  CACHE_QUEST_GAME,
  CACHE_QUEST_PLAYER,
  isSearchable,
  type SearchableSlot,
} from './searchable-slots.js';
