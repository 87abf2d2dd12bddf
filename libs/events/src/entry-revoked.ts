import { text } from './checks.js';
import type { EventDefinition } from './definition.js';

/**
 * All that a player had scored on a board until then counts no longer.
 *
 * Revocations of one entry are numbered by the log, and each score carries the number of those before it: a worker
 * that has only the score knows what it wipes out, in whatever order the two arrive.
 */
export interface EntryRevoked {
  readonly board: string;
  readonly player: string;
}

export const entryRevoked: EventDefinition<EntryRevoked> = {
  code: 'r1',
  stream: 'scores',
  subject: data => data.board,
  versioned: data => data.player,
  pack: ({ board, player }) => [board, player],
  unpack: ([board, player]) => ({ board: text(board, 'board'), player: text(player, 'player') }),
};
