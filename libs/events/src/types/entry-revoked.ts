import { asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';

/**
 * The earlier scores of a player on a board no longer count.
 *
 * The log numbers the revocations of each board entry, and each score carries the number of the latest revocation before
 * it. A worker can therefore tell whether a score is revoked, in whatever order it sees the two events.
 */
export interface EntryRevoked {
  readonly board: string;
  readonly player: string;
}

export const entryRevoked: EventDefinition<EntryRevoked> = {
  code: 'r1',
  stream: 'scores',
  subject: data => data.board,
  countsVersionOf: data => data.player,
  pack: ({ board, player }) => [board, player],
  unpack: ([board, player]) => ({ board: asString(board, 'board'), player: asString(player, 'player') }),
};
