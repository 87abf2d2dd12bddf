import { defineScriptErrors } from '#libs/redis';

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

/** Who appended an event had judged it by another definition of the board than the log has by now. */
export class DefinitionChangedError extends Error {
  readonly code = 'DEFINITION_CHANGED';
  override readonly name = 'DefinitionChangedError';

  /** @param text the definition as it stands beside the log; empty when there is none */
  constructor(readonly text: string) {
    super('the board has been defined anew meanwhile');
  }
}

/** Whether another board counts the scores of a board has to be looked for, and appended with what was found. */
export class DerivationsChangedError extends Error {
  readonly code = 'DERIVATIONS_CHANGED';
  override readonly name = 'DerivationsChangedError';

  /** @param count how often a board that counts another's scores was defined, by now */
  constructor(readonly count: string) {
    super('a board that counts the scores of another has been defined meanwhile');
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
  readonly isTemporary = true;

  constructor() {
    super('the log is being moved to other partitions: try again in a moment');
  }
}

/** What was asked of a partition is not true any more: another log has taken the place of this one. */
export class LogMovedError extends Error {
  readonly code = 'LOG_MOVED';
  override readonly name = 'LogMovedError';
  readonly isTemporary = true;

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

defineScriptErrors({
  VERSION_CONFLICT: head => new VersionConflictError(Number(head)),
  IDEMPOTENCY_CONFLICT: () => new IdempotencyConflictError(),
  DEFINITION_CHANGED: text => new DefinitionChangedError(text),
  DERIVATIONS_CHANGED: count => new DerivationsChangedError(count),
  BOARD_IN_USE: () => new BoardInUseError(),
  BOARD_SCORED: () => new BoardScoredError(),
  TOO_SOON: left => new TooSoonError(Number(left)),
  NO_SUCH_BOARD: () => new NoSuchBoardError(),
  QUOTA_EXCEEDED: detail => {
    const [quota = '', limit, used] = detail.split(' ');
    return new QuotaExceededError(quota, Number(limit), Number(used));
  },
  USAGE_UNKNOWN: () => new UsageUnknownError(),
  PROFILE_BEHIND: () => new ProfileBehindError(),
  NOT_REPLAYED: () => new NotReplayedError(),
  BEING_ERASED: reason => new BeingErasedError(reason || undefined),
  LOG_CLOSED: () => new LogClosedError(),
  MOVE_ACTIVE: () => new MoveActiveError(),
});
