import { asEventId, asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';
import { type EventId, formatEventId } from '../event-id.js';

/**
 * A board was removed. Its earlier scores no longer count; a later score creates the board again.
 *
 * The original event goes to the board's own partition. Other partitions that hold the board or one of its shards get
 * copies that carry the id of the original. Removing a derived board leaves the scores of its source untouched: if the
 * derived board is defined again, they all count again.
 */
export interface BoardRemoved {
  readonly board: string;
  /** Only in copies: the id of the original event. */
  readonly first?: EventId;
}

export const boardRemoved: EventDefinition<BoardRemoved> = {
  code: 'd1',
  stream: 'scores',
  subject: data => data.board,
  toCopy: (data, first) => ({ ...data, first }),
  pack: ({ board, first }) => (first ? [board, formatEventId(first)] : [board]),
  unpack: ([board, first]) => ({
    board: asString(board, 'board'),
    ...(first != null && { first: asEventId(first, 'first') }),
  }),
};
