import { MOVED } from './keys.js';

/** The expected version is not the head: somebody else wrote in between. */
export class VersionConflictError extends Error {
  readonly code = 'VERSION_CONFLICT';
  override readonly name = 'VersionConflictError';

  /** @param head the version that is there; 0 when there is none, or none any more */
  constructor(readonly head: number) {
    super(head === 0 ? 'there is none now' : `the current version is ${head}`);
  }
}

/** An idempotency key came back with another request than its first. */
export class IdempotencyConflictError extends Error {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  override readonly name = 'IdempotencyConflictError';

  constructor() {
    super('this Idempotency-Key was used for another request');
  }
}

/** A key of ours holds a value of a type that is not ours: another program shares the prefix. */
export class WrongTypeError extends Error {
  readonly code = 'WRONG_TYPE';
  override readonly name = 'WrongTypeError';

  constructor(readonly key: string) {
    super(
      `the key "${key}" holds another type than Questlog's: does another program use the same KEY_PREFIX?`,
    );
  }
}

/**
 * What every event of a partition needs cannot be read: something else has written to it. No event is to blame, so none of
 * them becomes a dead letter: the partition waits until it is repaired.
 */
export class PartitionHarmedError extends Error {
  readonly code = 'PARTITION_HARMED';
  override readonly name = 'PartitionHarmedError';

  constructor(
    readonly key: string,
    reason: string,
  ) {
    super(
      `the key "${key}" cannot be read as Questlog wrote it (${reason}): no event of its partition is applied until it is restored from a backup, or deleted and the projection rebuilt`,
    );
  }
}

/** A generation of projected state was asked for that is not the live one any more. */
export class StaleGenerationError extends Error {
  readonly code = 'STALE_GENERATION';
  override readonly name = 'StaleGenerationError';

  /** @param generation the live one */
  constructor(readonly generation: number) {
    super(`generation ${generation} is live by now`);
  }
}

/** A board is in another partition than the one that was asked. */
export class BoardMovedError extends Error {
  readonly code = 'BOARD_MOVED';
  override readonly name = 'BoardMovedError';

  /** @param source the board whose scores it counts, beside which it is; nothing when it counts its own */
  constructor(readonly source: string | undefined) {
    super(`the board is in the partition of ${source ?? 'its own name'}`);
  }
}

/** A board is projected by another definition than was thought. */
export class BoardChangedError extends Error {
  readonly code = 'BOARD_CHANGED';
  override readonly name = 'BoardChangedError';

  /** @param rules what is kept of it; empty for a board that nobody defined */
  constructor(readonly rules: string) {
    super('the board has another definition by now');
  }
}

/** Who appended an event had judged it by another definition of the board than the log has by now. */
export class DefinitionChangedError extends Error {
  readonly code = 'DEFINITION_CHANGED';
  override readonly name = 'DefinitionChangedError';

  /** @param text the definition as it stands beside the log; empty when there is none */
  constructor(readonly text: string) {
    super('the board has been defined anew meanwhile');
  }
}

/** Another board counts the scores of a board that is to go, or to count another's itself. */
export class BoardInUseError extends Error {
  readonly code = 'BOARD_IN_USE';
  override readonly name = 'BoardInUseError';

  constructor() {
    super('another board counts its scores: remove or redefine that one first');
  }
}

/** A board is to be spread over shards that has scores already, where nobody would look for them. */
export class BoardScoredError extends Error {
  readonly code = 'BOARD_SCORED';
  override readonly name = 'BoardScoredError';

  constructor() {
    super(
      'the board has scores, and they would not be moved to shards: remove it first, or take another name',
    );
  }
}

/** The shards of a board go by definitions under which its entries cannot be compared: some are behind. */
export class ShardsDisagreeError extends Error {
  readonly code = 'SHARDS_DISAGREE';
  override readonly name = 'ShardsDisagreeError';

  constructor(board: string) {
    super(`the shards of ${board} are being defined anew one after the other`);
  }
}

/** The last score of the player on the board was less than the board's interval ago. */
export class TooSoonError extends Error {
  readonly code = 'TOO_SOON';
  override readonly name = 'TooSoonError';

  /** @param left milliseconds until it is not too soon */
  constructor(readonly left: number) {
    super(`too soon after the last one: ${left} ms are left`);
  }
}

/** A board has neither a definition nor scores, and this score may not be its first. */
export class NoSuchBoardError extends Error {
  readonly code = 'NO_SUCH_BOARD';
  override readonly name = 'NoSuchBoardError';

  constructor() {
    super('there is no such board: an operator has to define it first, with PUT /v1/leaderboards/{board}');
  }
}

/** A player has as much as a player may have in all. */
export class QuotaExceededError extends Error {
  readonly code = 'QUOTA_EXCEEDED';
  override readonly name = 'QuotaExceededError';

  constructor(
    /** As `QUOTAS` names it. */
    readonly quota: string,
    readonly limit: number,
    /** What there is already. */
    readonly used: number,
  ) {
    super(`${quota} is ${limit}, and ${used} are used`);
  }
}

/** Nobody has counted a player's saves yet: their log is older than the count, or was moved. */
export class UsageUnknownError extends Error {
  readonly code = 'USAGE_UNKNOWN';
  override readonly name = 'UsageUnknownError';

  constructor() {
    super("the player's saves have not been counted yet");
  }
}

/** So many patches of a profile wait to be applied that nobody knows how large it will be. */
export class ProfileBehindError extends Error {
  readonly code = 'PROFILE_BEHIND';
  override readonly name = 'ProfileBehindError';

  constructor() {
    super('earlier patches of this profile have not been applied yet: try again in a moment');
  }
}

/** An event was only to be answered if it had been appended before, and it had not. */
export class NotReplayedError extends Error {
  readonly code = 'NOT_REPLAYED';
  override readonly name = 'NotReplayedError';

  constructor() {
    super('there is no such event yet');
  }
}

/** What was asked for concerns a player who is being erased, or could. */
export class BeingErasedError extends Error {
  readonly code = 'BEING_ERASED';
  override readonly name = 'BeingErasedError';

  constructor(reason = 'the player is being erased: try again in a moment') {
    super(reason);
  }
}

/** Another log is being made of this one, or has been: it takes nothing more. Nothing was done. */
export class LogClosedError extends Error {
  readonly code = 'LOG_CLOSED';
  override readonly name = 'LogClosedError';

  constructor() {
    super('the log is being moved to other partitions: try again in a moment');
  }
}

/** What was asked of a partition is not true any more: another log has taken the place of this one. */
export class LogMovedError extends Error {
  readonly code = 'LOG_MOVED';
  override readonly name = 'LogMovedError';

  constructor() {
    super('the log was moved to other partitions: try again in a moment');
  }
}

/** Another process moves the log, or has begun to since. */
export class MoveActiveError extends Error {
  readonly code = 'MOVE_ACTIVE';
  override readonly name = 'MoveActiveError';

  constructor() {
    super('another process moves the log: wait for it, or end it and wait ten seconds');
  }
}

/** Another process erases by now: this one was taken for dead. */
export class EraserReplacedError extends Error {
  readonly code = 'ERASER_REPLACED';
  override readonly name = 'EraserReplacedError';

  constructor() {
    super('another process erases players by now');
  }
}

/** A write is in the log, but not enough replicas have it: it would be lost if its server died now. */
export class UnconfirmedError extends Error {
  readonly code = 'UNCONFIRMED';
  override readonly name = 'UnconfirmedError';

  constructor(reached: number, wanted: number) {
    super(`${reached} of ${wanted} replicas have confirmed it in time`);
  }
}

/** No node of the cluster is known to have a slot: its master is away, and has no successor yet. */
export class NoMasterError extends Error {
  readonly code = 'NO_MASTER';
  override readonly name = 'NoMasterError';

  constructor(slot: number) {
    super(`no node has slot ${slot} now`);
  }
}

/** The errors that scripts reply with. Other errors pass unchanged. */
export function scriptError(error: unknown): unknown {
  return error instanceof Error ? (codedError(error.message) ?? error) : error;
}

/** The one place where the codes that scripts answer become errors. */
export function codedError(text: string): Error | undefined {
  const [code] = text.split(' ', 1);
  const detail = text.slice((code?.length ?? 0) + 1);
  switch (code) {
    case 'VERSION_CONFLICT':
      return new VersionConflictError(Number(detail));
    case 'IDEMPOTENCY_CONFLICT':
      return new IdempotencyConflictError();
    case 'WRONG_TYPE':
      return new WrongTypeError(detail);
    case 'STALE_GENERATION':
      return detail === MOVED ? new LogMovedError() : new StaleGenerationError(Number(detail));
    case 'BOARD_MOVED':
      return new BoardMovedError(detail === '-' ? undefined : detail);
    case 'BOARD_CHANGED':
      return new BoardChangedError(detail);
    case 'DEFINITION_CHANGED':
      return new DefinitionChangedError(detail);
    case 'BOARD_IN_USE':
      return new BoardInUseError();
    case 'BOARD_SCORED':
      return new BoardScoredError();
    case 'TOO_SOON':
      return new TooSoonError(Number(detail));
    case 'BEING_ERASED':
      return new BeingErasedError(detail || undefined);
    case 'ERASER_REPLACED':
      return new EraserReplacedError();
    case 'LOG_CLOSED':
      return new LogClosedError();
    case 'MOVE_ACTIVE':
      return new MoveActiveError();
    case 'NOT_REPLAYED':
      return new NotReplayedError();
    case 'NO_SUCH_BOARD':
      return new NoSuchBoardError();
    case 'QUOTA_EXCEEDED': {
      const [quota = '', limit, used] = detail.split(' ');
      return new QuotaExceededError(quota, Number(limit), Number(used));
    }
    case 'USAGE_UNKNOWN':
      return new UsageUnknownError();
    case 'PROFILE_BEHIND':
      return new ProfileBehindError();
    default:
      return undefined;
  }
}

const AWAY = new Set([
  // The connection, as ioredis and Node name it.
  'MaxRetriesPerRequestError',
  'ClusterAllFailedError',
  'NoMasterError',
  'UnconfirmedError',
  'ShardsDisagreeError',
  'LogClosedError',
  'LogMovedError',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  // What a server answers that is there but cannot serve now.
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'UNBLOCKED',
  'NOREPLICAS',
  'MISCONF',
  'OOM',
  // A password or a permission that was changed: an operator sets it right, and no event is to blame.
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
]);
const AWAY_MESSAGES = [
  // As NOPERM, of a command within a script.
  "ERR The user executing the script can't",
  'Connection is closed',
  'Command aborted due to connection close',
  'Command timed out',
  "Stream isn't writeable",
  'Socket timeout',
  // What ioredis says of a cluster, and of Sentinels.
  "Cluster isn't ready",
  'Cluster is ended',
  'None of startup nodes is available',
  'Too many Cluster redirections',
  'All keys in the pipeline should belong to the same slots allocation group',
  'All sentinels are unreachable',
];

/** Whether the user may not do this: for who tries whether they may, that is an answer. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOPERM');
}

/** Whether an error means "Redis cannot serve now" rather than "this call was wrong". Trying later can help. */
export function isRedisUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, message, code } = error as Error & { code?: string };
  return (
    AWAY.has(name) ||
    AWAY.has(code ?? '') ||
    AWAY.has(message.split(' ', 1)[0] ?? '') ||
    AWAY_MESSAGES.some(text => message.startsWith(text))
  );
}
