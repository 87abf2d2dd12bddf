export type { AttributeFilter, Attributes } from './attributes.js';
export {
  codeOf,
  eventDefinitionOf,
  eventTypesOf,
  packArray,
  packAs,
  packEvent,
  packMeta,
  typeOfCode,
  unpackEvent,
} from './codec.js';
export { MalformedEventError } from './errors.js';
export { type Actor, type EventType, type NewEvent, type RecordedEvent, timeOf } from './event.js';
export {
  compareEventIds,
  type EventId,
  formatEventId,
  isOlderId,
  parseAnyEntryId,
  parseEventId,
} from './event-id.js';
export type { JsonObject, JsonValue } from './json.js';
export { mergePatch } from './merge-patch.js';
export { STREAMS, type StreamName } from './streams.js';
export {
  type BoardDefined,
  type BoardDefinition,
  DEFAULT_DEFINITION,
  DEFAULT_KEEP_PERIODS,
  definitionText,
  OPERATORS,
  ORDERS,
  RANKINGS,
  readDefinition,
  SUBMITTERS,
  TIE_BREAKS,
} from './types/board-defined.js';
export { PROFILE_VERSION_KEY } from './types/profile-patched.js';
export { isInVersionOrder, versionOf } from './versions.js';
