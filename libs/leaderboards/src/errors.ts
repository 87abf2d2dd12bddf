import { defineScriptErrors } from '#libs/redis';

/** A board was read from a partition that does not have it. */
export class BoardMovedError extends Error {
  readonly code = 'BOARD_MOVED';
  override readonly name = 'BoardMovedError';

  /** @param source the source of the board, whose partition has it; undefined if the board has no source */
  constructor(readonly source: string | undefined) {
    super(
      `the board is in ${source === undefined ? 'its home partition' : `the partition of its source ${source}`}`,
    );
  }
}

/** A board was read with a definition that is out of date. */
export class BoardChangedError extends Error {
  readonly code = 'BOARD_CHANGED';
  override readonly name = 'BoardChangedError';

  /** @param rules the stored rules of the board; empty if it was never defined */
  constructor(readonly rules: string) {
    super('the definition of the board has changed');
  }
}

/** Some shards of a board have applied a new definition and others have not, so their entries cannot be ranked together. */
export class ShardsDisagreeError extends Error {
  readonly code = 'SHARDS_DISAGREE';
  override readonly name = 'ShardsDisagreeError';
  readonly isTemporary = true;

  constructor(board: string) {
    super(`not all shards of ${board} have applied its new definition yet: retry in a moment`);
  }
}

/** A request names another period than the cursor that it continues from. */
export class CursorPeriodError extends Error {
  readonly code = 'CURSOR_PERIOD';
  override readonly name = 'CursorPeriodError';

  constructor(asked: string, own: string) {
    super(
      `period "${asked}" is not the period of the cursor, which is ${own}: leave period out, or start without the cursor`,
    );
  }
}

/** The number of shards of a board cannot be changed. */
export class ShardsFixedError extends Error {
  readonly code = 'SHARDS_FIXED';
  override readonly name = 'ShardsFixedError';

  constructor(shards = 1) {
    super(
      `the board has ${shards === 1 ? 'no shards' : `${shards} shards`}, which cannot be changed because its scores would have to move: remove the board, then define it again`,
    );
  }
}

/** A board derived from one with shards cannot have dense ranks: the shards' numbers of distinct scores do not add up. */
export class DenseShardsError extends Error {
  readonly code = 'DENSE_SHARDS';
  override readonly name = 'DenseShardsError';

  constructor(source: string) {
    super(
      `ranking cannot be dense because the source ${source} has shards, and distinct scores cannot be counted across shards: use standard or ordinal`,
    );
  }
}

defineScriptErrors({
  BOARD_MOVED: source => new BoardMovedError(source === '-' ? undefined : source),
  BOARD_CHANGED: rules => new BoardChangedError(rules),
});
