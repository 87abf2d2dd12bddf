import { eventId, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { type EventId, formatEventId } from './event-id.js';

/**
 * A board is no more: what was scored on it until then counts no longer, and a later score makes it anew.
 *
 * Its own partition has the event first. Other partitions that have the board, or a shard of it, get copies with the id
 * of that first event: there, nothing counts for the board any more. The scores of a source stay what they are: defined
 * anew, a board that counts them has them all again.
 */
export interface BoardRemoved {
  readonly board: string;
  /** The id of the first event, in its copies. */
  readonly first?: EventId;
}

export const boardRemoved: EventDefinition<BoardRemoved> = {
  code: 'd1',
  stream: 'scores',
  subject: data => data.board,
  copy: (data, first) => ({ ...data, first }),
  pack: ({ board, first }) => (first ? [board, formatEventId(first)] : [board]),
  unpack: ([board, first]) => ({
    board: text(board, 'board'),
    ...(first != null && { first: eventId(first, 'first') }),
  }),
};
