export {
  type ClusterAddress,
  nameOfAddress,
  type RedisAddress,
  type SentinelAddress,
  withoutPassword,
} from './address.js';
export { Batched } from './batched.js';
export {
  type ClientOptions,
  createBlockingClient,
  createClient,
  nodeOf,
  nodesOf,
  ping,
  placeOf,
  type RedisClient,
} from './client.js';
export {
  codedError,
  defineScriptErrors,
  isForbidden,
  isRedisUnavailable,
  UnconfirmedError,
  WrongTypeError,
} from './errors.js';
export { inHeavyLane } from './heavy-lane.js';
export {
  activeJobKey,
  cacheQuestBoardsKey,
  type DocumentStoreName,
  documentIndex,
  documentStoreName,
  eraserEpochKey,
  eraserLeaseKey,
  FIRST_EPOCH,
  failedLoginsKey,
  hourlyBytesKey,
  hourlyQuotaKey,
  jobKey,
  jobLeaseKey,
  limitKey,
  logLookKey,
  MOVED,
  type PartitionKeyName,
  PartitionKeys,
  parsePartitionKey,
  partitionKeysLike,
  playersPrefix,
  StateKeys,
  sessionKey,
  topologyKey,
} from './keys.js';
export { OptionalWrites } from './optional-writes.js';
export { pairs } from './pairs.js';
export { pulseOf } from './pulse.js';
export { readWholeHash } from './read-hash.js';
export { RecentlyUsed } from './recently-used.js';
export { Script, scriptsIn } from './script.js';
export {
  documentStoreIn,
  documentStoreOf,
  FSYNC_POLICIES,
  type FsyncPolicy,
  fsyncPolicyOf,
  inspectServer,
  isFatal,
  ServerUnfitError,
} from './server-check.js';
export { SILENT, type Trouble, type TroubleKind, troubleOf } from './trouble.js';
export { WriteQuorum } from './write-quorum.js';
