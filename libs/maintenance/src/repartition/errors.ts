/** The pause became too long. */
export class PauseTooLongError extends Error {
  readonly code = 'PAUSE_TOO_LONG';
  override readonly name = 'PauseTooLongError';

  /** @param seconds that it may take */
  constructor(seconds: number) {
    super(`what was left could not be moved within ${seconds} s: run the command when less happens`);
  }
}

/** The log was moved, but what it was before could not be deleted. */
export class NotCleanedError extends Error {
  readonly code = 'NOT_CLEANED';
  override readonly name = 'NotCleanedError';

  constructor(cause: unknown) {
    super(
      `the log was moved; what it was before is still there (${(cause as Error).message}): run the command again`,
      {
        cause,
      },
    );
  }
}

/** Events went from the log while it was moved: those of a player who was erased. */
export class LogChangedError extends Error {
  readonly code = 'LOG_CHANGED';
  override readonly name = 'LogChangedError';

  constructor(stream: string) {
    super(`events were deleted from ${stream} meanwhile: a player was erased`);
  }
}

/** What was taken under a definition of a board came before it by the clock of another Redis. */
export class ClocksDifferError extends Error {
  readonly code = 'CLOCKS_DIFFER';
  override readonly name = 'ClocksDifferError';

  constructor(board: string) {
    super(
      `shards of ${board} have taken scores before it was defined, by their clocks: when it was, the clocks of the Redis servers differed, and such a log cannot be moved`,
    );
  }
}
