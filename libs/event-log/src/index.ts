export { AppendCall } from './append/append-call.js';
export { type AppendLimits, countSaves, type LogBudget } from './append/append-limits.js';
export type { Appended, AppendOptions, BatchItem, BoardUse } from './append/append-types.js';
export { EventLog } from './append/event-log.js';
export { fingerprint, IDEMPOTENCY_SECONDS, recordHash } from './append/idempotency.js';
export { CopyFinisher } from './append/unfinished-copies.js';
export type { BinaryEntry } from './archive/entry-row.js';
export {
  ArchiveVersionError,
  ObjectDamagedError,
  ObjectMissingError,
  StoreAccessError,
  StoreChecksumError,
  StoreClockError,
  StoreFailedError,
  StoreFullError,
  StoreMissingError,
  StoreUnreachableError,
  StoreUrlError,
  UnarchivableEntryError,
} from './archive/errors.js';
export { loadSegments } from './archive/load-segments.js';
export {
  folderOf,
  type Manifest,
  readManifest,
  type StoredManifest,
  writeManifest,
} from './archive/manifest.js';
export { openStore } from './archive/open-store.js';
export { probeStore } from './archive/probe-store.js';
export type { RowGroup } from './archive/row-group.js';
export { type SegmentInfo, segmentName } from './archive/segment-format.js';
export { archiveOf, type SegmentSource, useArchive } from './archive/segment-source.js';
export type { Segment } from './archive/segment-writer.js';
export type { ArchiveStore, ByteRange, StoredObject } from './archive/store.js';
export {
  acceptLoss,
  checkLog,
  groupFaults,
  LogDamagedError,
  type LogState,
  type Misled,
  measureLog,
  noteAbandoned,
} from './checks/log-check.js';
export {
  BeingErasedError,
  BoardInUseError,
  BoardScoredError,
  DefinitionChangedError,
  DerivationsChangedError,
  GroupBelowFloorError,
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
export { abandonMove, Move, openAbandonedGates, readTopology } from './partitions/moving.js';
export {
  deadLettersKey,
  logLookKey,
  MOVED,
  type PartitionKeyName,
  PartitionKeys,
  parsePartitionKey,
  partitionKeysLike,
  topologyKey,
} from './partitions/partition-keys.js';
export { partitionFor, shardOf, shardsOf } from './partitions/routing.js';
export { isTopology, NoLogError, Topology } from './partitions/topology.js';
export { AppliedWaiter, applied } from './reading/applied-waiter.js';
export { formatCursor, InvalidCursorError, type Position, parseCursor } from './reading/cursor.js';
export { type EventPage, type EventQuery, EventReader, mentionsAny } from './reading/event-reader.js';
export { type EventRef, formatEventRef, parseEventRef } from './reading/event-ref.js';
export {
  type EventView,
  partitionName,
  readEntry,
  type UndecodableView,
  viewEvent,
} from './reading/event-view.js';
export { type NamedSource, newestFirst, type SourceEntry, streamEntries } from './reading/newest-first.js';
export { PartitionLog } from './reading/partition-log.js';
export type { Settlement } from './reading/settlement.js';
export { type LogEntry, readStreamPage } from './reading/stream-page.js';
export { VersionReader } from './reading/version-reader.js';
