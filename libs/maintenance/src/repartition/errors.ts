/** The pause, in which the log accepts no events, became too long. */
export class PauseTooLongError extends Error {
  readonly code = 'PAUSE_TOO_LONG';
  override readonly name = 'PauseTooLongError';

  /** @param seconds the maximum length of the pause */
  constructor(seconds: number) {
    super(
      `the last events could not be copied within ${seconds} s: run the command at a time with less load`,
    );
  }
}

/** The log was repartitioned, but the old partitions could not be deleted. */
export class NotCleanedError extends Error {
  readonly code = 'NOT_CLEANED';
  override readonly name = 'NotCleanedError';

  constructor(cause: unknown) {
    super(
      `the log was repartitioned, but old partitions remain (${(cause as Error).message}): run the command again`,
      {
        cause,
      },
    );
  }
}

/** Events of an erased player were deleted from the log during the repartition. */
export class LogChangedError extends Error {
  readonly code = 'LOG_CHANGED';
  override readonly name = 'LogChangedError';

  constructor(stream: string) {
    super(`events were deleted from ${stream} in the meantime, because a player was erased`);
  }
}

/** By their ids, scores came before the definition under which they were accepted, because the servers' clocks differed. */
export class ClocksDifferError extends Error {
  readonly code = 'CLOCKS_DIFFER';
  override readonly name = 'ClocksDifferError';

  constructor(board: string) {
    super(
      `shards of ${board} accepted scores before it was defined, according to their clocks: the clocks of the Redis servers differed at that time, and such a log cannot be repartitioned`,
    );
  }
}
