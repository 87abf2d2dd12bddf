export { AppendCall } from './append-call.js';
export { type AppendLimits, countSaves, type LogBudget } from './append-limits.js';
export type { Appended, AppendOptions, BatchItem, BoardUse } from './append-types.js';
export { formatCursor, InvalidCursorError, type Position, parseCursor } from './cursor.js';
export {
  BeingErasedError,
  BoardInUseError,
  BoardScoredError,
  DefinitionChangedError,
  DerivationsChangedError,
  IdempotencyConflictError,
  LogClosedError,
  LogMovedError,
  MoveActiveError,
  NoSuchBoardError,
  NotReplayedError,
  PartitionHarmedError,
  ProfileBehindError,
  QuotaExceededError,
  TooSoonError,
  VersionConflictError,
} from './errors.js';
export { EventLog } from './event-log.js';
export { type EventPage, type EventQuery, EventReader, mentionsAny } from './event-reader.js';
export { type EventRef, formatEventRef, parseEventRef } from './event-ref.js';
export { type EventView, partitionName, readEntry, type UndecodableView, viewEvent } from './event-view.js';
export { fingerprint, IDEMPOTENCY_SECONDS, recordHash } from './idempotency.js';
export {
  acceptLoss,
  checkLog,
  groupFaults,
  LogDamagedError,
  type LogState,
  type Misled,
  measureLog,
  noteAbandoned,
} from './log-check.js';
export { type LogEntry, readEntries, readLog } from './log-reader.js';
export { abandonMove, Move, openAbandonedGates, readTopology } from './moving.js';
export { type NamedStream, newestFirst, type SourceEntry } from './newest-first.js';
export {
  deadLettersKey,
  logLookKey,
  MOVED,
  type PartitionKeyName,
  PartitionKeys,
  parsePartitionKey,
  partitionKeysLike,
  topologyKey,
} from './partition-keys.js';
export { applied, Progress } from './progress.js';
export { placeOf, shardOf, shardsOf } from './routing.js';
export type { Settlement } from './settlement.js';
export { isTopology, NoLogError, Topology } from './topology.js';
export { CopyFinisher } from './unfinished-copies.js';
export { VersionReader } from './version-reader.js';
