import { defineScriptErrors } from '#libs/redis';

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

/** The shards of a board go by definitions under which its entries cannot be compared: some are behind. */
export class ShardsDisagreeError extends Error {
  readonly code = 'SHARDS_DISAGREE';
  override readonly name = 'ShardsDisagreeError';
  readonly isTemporary = true;

  constructor(board: string) {
    super(`the shards of ${board} are being defined anew one after the other`);
  }
}

defineScriptErrors({
  BOARD_MOVED: source => new BoardMovedError(source === '-' ? undefined : source),
  BOARD_CHANGED: rules => new BoardChangedError(rules),
});
