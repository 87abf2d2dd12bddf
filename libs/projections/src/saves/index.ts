export { mergePatch } from './merge-patch.js';
export type { PastVersion } from './past-version.js';
export * from './player-search.js';
export { PatchTooLateError, type ProfileState } from './profile.fold.js';
export * from './profile.reader.js';
export type * from './save.fold.js';
export * from './save.reader.js';
export { type PlayerEvent, type PlayerState, saves } from './save.store.js';
export { CACHE_QUEST_GAME, CACHE_QUEST_PLAYER, type SearchableSlot } from './search-terms.js';
