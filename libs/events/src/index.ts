export {
  type AttributeFilter,
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
} from './board-defined.js';
export { eventDefinitionOf, eventTypesOf, packArray, packEvent, unpackEvent } from './codec.js';
export { MalformedEventError } from './errors.js';
export {
  type Actor,
  type EventType,
  type NewEvent,
  type RecordedEvent,
  STREAMS,
  type StreamName,
  timeOf,
} from './event.js';
export { compareEventIds, type EventId, formatEventId, parseEventId } from './event-id.js';
export { mergePatch } from './merge-patch.js';
export { type JsonObject, type JsonValue, PROFILE_VERSION_KEY } from './profile-patched.js';
export type { Attributes } from './score-submitted.js';
export { isInVersionOrder, versionOf } from './versions.js';
