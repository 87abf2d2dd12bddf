import { eventId, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { type EventId, formatEventId } from './event-id.js';

/**
 * A board is no more: what was scored on it until then counts no longer, and a later score makes it anew.
 *
 * A board that counts another's scores is removed from the partition of its source by a second event, which carries
 * the id of the first. There, history stays: defined anew, the board has it all again.
 */
export interface BoardRemoved {
  readonly board: string;
  /** The id of the first of the two; without it, this is the first, or the only one. */
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
