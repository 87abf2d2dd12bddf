export {
  type ClusterAddress,
  nameOfAddress,
  type RedisAddress,
  type SentinelAddress,
  withoutPassword,
} from './address.js';
export { BatchLoader } from './batch-loader.js';
export { BatchQueue } from './batch-queue.js';
export {
  type ClientOptions,
  createBlockingClient,
  createClient,
  nodeIdOf,
  nodeOf,
  nodesOf,
  ping,
  type RedisClient,
} from './clients/client.js';
export {
  codedError,
  defineScriptErrors,
  isForbidden,
  isRedisUnavailable,
  UnconfirmedError,
  unlessForbidden,
  WrongTypeError,
} from './errors.js';
export { flushSchedulerOf } from './flush-scheduler.js';
export { inHeavyLane } from './heavy-lane.js';
export { OptionalWrites } from './optional-writes.js';
export { pairs } from './pairs.js';
export { readWholeHash } from './read-hash.js';
export { Script, scriptsIn } from './script.js';
export {
  FSYNC_POLICIES,
  type FsyncPolicy,
  fsyncPolicyOf,
  inspectServer,
  isFatal,
  parseInfo,
  ServerUnfitError,
} from './server-check.js';
export { SILENT, type Trouble, type TroubleKind, troubleOf } from './trouble.js';
export { WriteQuorum } from './write-quorum.js';
