export {
  type AttributeFilter,
  type BoardDefined,
  type BoardDefinition,
  DEFAULT_DEFINITION,
  definitionText,
  KEPT_PERIODS,
  OPERATORS,
  ORDERS,
  RANKINGS,
  readDefinition,
  SUBMITTERS,
  TIE_BREAKS,
} from './board-defined.js';
export type { BoardRemoved } from './board-removed.js';
export * from './codec.js';
export type * from './definition.js';
export type * from './entry-revoked.js';
export * from './errors.js';
export * from './event.js';
export * from './event-id.js';
export type * from './player-banned.js';
export type * from './player-erased.js';
export type * from './profile-patched.js';
export { PROFILE } from './profile-patched.js';
export type * from './save-written.js';
export type * from './score-submitted.js';
