import { asEventId, asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';
import { type EventId, formatEventId } from '../event-id.js';

/**
 * A player was hidden from every board.
 *
 * Every partition of the stream holds boards, so each gets the event. The original is appended to one partition first, and
 * the copies carry its id. Of two bans or unbans, the one whose original is later wins, so all partitions agree.
 */
export interface PlayerBanned {
  readonly player: string;
  /** Only in copies: the id of the original event. */
  readonly first?: EventId;
}

/** A ban was lifted. */
export type PlayerUnbanned = PlayerBanned;

export const playerBanned = banEvent('x1');
export const playerUnbanned = banEvent('u1');

function banEvent(code: string): EventDefinition<PlayerBanned> {
  return {
    code,
    stream: 'scores',
    subject: data => data.player,
    inEveryPartition: true,
    toCopy: (data, first) => ({ ...data, first }),
    pack: ({ player, first }) => (first ? [player, formatEventId(first)] : [player]),
    unpack: ([player, first]) => ({
      player: asString(player, 'player'),
      ...(first != null && { first: asEventId(first, 'first') }),
    }),
  };
}
