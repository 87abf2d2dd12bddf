import { defineScriptErrors } from '#libs/redis';

/** The expected version is not the head: there was another write in between. */
export class VersionConflictError extends Error {
  readonly code = 'VERSION_CONFLICT';
  override readonly name = 'VersionConflictError';

  /** @param head the current version; 0 if there is none, or it was deleted */
  constructor(readonly head: number) {
    super(head === 0 ? 'there is no current version' : `the current version is ${head}`);
  }
}

/** An idempotency key was used again for another request. */
export class IdempotencyConflictError extends Error {
  readonly code = 'IDEMPOTENCY_CONFLICT';
  override readonly name = 'IdempotencyConflictError';

  constructor() {
    super('this Idempotency-Key was used for another request');
  }
}

/** The caller checked an event against another definition of the board than the current one. */
export class DefinitionChangedError extends Error {
  readonly code = 'DEFINITION_CHANGED';
  override readonly name = 'DefinitionChangedError';

  /** @param text the current definition, as stored beside the log; empty if there is none */
  constructor(readonly text: string) {
    super('the board has been redefined in the meantime');
  }
}

/** The caller must search for derived boards again, and append with the result. */
export class DerivationsChangedError extends Error {
  readonly code = 'DERIVATIONS_CHANGED';
  override readonly name = 'DerivationsChangedError';

  /** @param count how many derived boards have been defined in the partition */
  constructor(readonly count: string) {
    super('a derived board has been defined in the meantime');
  }
}

/** A board cannot be removed, or become a derived board, because a derived board counts its scores. */
export class BoardInUseError extends Error {
  readonly code = 'BOARD_IN_USE';
  override readonly name = 'BoardInUseError';

  constructor() {
    super('another board counts its scores: remove or redefine that one first');
  }
}

/** A board cannot get shards, because it has scores that would not be moved to them. */
export class BoardScoredError extends Error {
  readonly code = 'BOARD_SCORED';
  override readonly name = 'BoardScoredError';

  constructor() {
    super(
      'the board has scores, which cannot be moved to shards: remove the board first, or use another name',
    );
  }
}

/** The last score of the player on the board was less than the board's interval ago. */
export class TooSoonError extends Error {
  readonly code = 'TOO_SOON';
  override readonly name = 'TooSoonError';

  /** @param left milliseconds until the next score is accepted */
  constructor(readonly left: number) {
    super(`too soon after the last score: wait ${left} ms`);
  }
}

/** The board has neither a definition nor scores, and a score must not create it. */
export class NoSuchBoardError extends Error {
  readonly code = 'NO_SUCH_BOARD';
  override readonly name = 'NoSuchBoardError';

  constructor() {
    super('there is no such board: define it first with PUT /v1/leaderboards/{board}');
  }
}

/** A player has reached a quota. */
export class QuotaExceededError extends Error {
  readonly code = 'QUOTA_EXCEEDED';
  override readonly name = 'QuotaExceededError';

  constructor(
    /** Its name in `QUOTAS`. */
    readonly quota: string,
    readonly limit: number,
    /** The current usage. */
    readonly used: number,
  ) {
    super(`${quota} is ${limit}, and ${used} are used`);
  }
}

/** A player's saves have not been counted yet: the log is older than the count, or was repartitioned. */
export class UsageUnknownError extends Error {
  readonly code = 'USAGE_UNKNOWN';
  override readonly name = 'UsageUnknownError';

  constructor() {
    super("the player's saves have not been counted yet");
  }
}

/** So many patches of a profile wait to be applied that its size could exceed the limit. */
export class ProfileBehindError extends Error {
  readonly code = 'PROFILE_BEHIND';
  override readonly name = 'ProfileBehindError';

  constructor() {
    super('earlier patches of this profile have not been applied yet: try again in a moment');
  }
}

/** The caller only wanted the answer of an earlier append, and there was none. */
export class NotReplayedError extends Error {
  readonly code = 'NOT_REPLAYED';
  override readonly name = 'NotReplayedError';

  constructor() {
    super('there is no such event yet');
  }
}

/** The request concerns a player who is being erased, or may concern one. */
export class BeingErasedError extends Error {
  readonly code = 'BEING_ERASED';
  override readonly name = 'BeingErasedError';

  constructor(reason = 'the player is being erased: try again in a moment') {
    super(reason);
  }
}

/** The log is being repartitioned, or was, and accepts no more events. Nothing was done. */
export class LogClosedError extends Error {
  readonly code = 'LOG_CLOSED';
  override readonly name = 'LogClosedError';
  readonly isTemporary = true;

  constructor() {
    super('the log is being repartitioned: try again in a moment');
  }
}

/** The answer of a partition is out of date, because the log was repartitioned. */
export class LogMovedError extends Error {
  readonly code = 'LOG_MOVED';
  override readonly name = 'LogMovedError';
  readonly isTemporary = true;

  constructor() {
    super('the log was repartitioned: try again in a moment');
  }
}

/** Another process repartitions the log. */
export class MoveActiveError extends Error {
  readonly code = 'MOVE_ACTIVE';
  override readonly name = 'MoveActiveError';

  constructor() {
    super('another process repartitions the log: wait for it, or end it and wait ten seconds');
  }
}

/**
 * A key that every event of a partition needs cannot be read, because another program has written to it. The events are valid,
 * so none of them becomes a dead letter: the partition waits until the key is repaired.
 */
export class PartitionHarmedError extends Error {
  readonly code = 'PARTITION_HARMED';
  override readonly name = 'PartitionHarmedError';

  constructor(
    readonly key: string,
    reason: string,
  ) {
    super(
      `the key "${key}" is not as Questlog wrote it (${reason}). No event of its partition is applied until you restore the key from a backup, or delete it and rebuild the projection`,
    );
  }
}

/** The requested entries are no longer in the stream, but in the archive. */
export class BelowFloorError extends Error {
  readonly code = 'BELOW_FLOOR';
  override readonly name = 'BelowFloorError';

  constructor(floor: string) {
    super(`entries up to ${floor} are only in the archive`);
  }
}

/** A part of the log is only in the archive, and no archive is configured. */
export class ArchiveMissingError extends Error {
  readonly code = 'ARCHIVE_MISSING';
  override readonly name = 'ArchiveMissingError';

  constructor(stream: string, floor: string) {
    super(`the events of ${stream} up to ${floor} are only in the archive: set ARCHIVE_URL to read them`);
  }
}

/** A new consumer group would begin after the archived events, and never get them. */
export class GroupBelowFloorError extends Error {
  readonly code = 'GROUP_BELOW_FLOOR';
  override readonly name = 'GroupBelowFloorError';

  constructor(detail: string) {
    const [group = '', floor = ''] = detail.split(' ');
    super(
      `the consumer group ${group} was not created, because the events up to ${floor} are only in the archive, and the group would skip them: start a version of Questlog whose groups this log already has, or restore a backup of Redis with the group`,
    );
  }
}

defineScriptErrors({
  BELOW_FLOOR: floor => new BelowFloorError(floor),
  GROUP_BELOW_FLOOR: detail => new GroupBelowFloorError(detail),
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
