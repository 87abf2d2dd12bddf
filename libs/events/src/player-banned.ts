import { eventId, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { type EventId, formatEventId } from './event-id.js';

/**
 * A player was hidden from every board, or brought back.
 *
 * Boards live in every partition, so each gets the event. The first one to be appended orders them all: the others
 * carry its id, and of two the one with the later first one holds, in every partition alike.
 */
export interface PlayerBanned {
  readonly player: string;
  /** The id of the first; without it, this is the first. */
  readonly first?: EventId;
}

/** The opposite of `PlayerBanned`, of the same shape. */
export type PlayerUnbanned = PlayerBanned;

export const playerBanned = moderation('x1');
export const playerUnbanned = moderation('u1');

function moderation(code: string): EventDefinition<PlayerBanned> {
  return {
    code,
    stream: 'scores',
    subject: data => data.player,
    everywhere: true,
    copy: (data, first) => ({ ...data, first }),
    pack: ({ player, first }) => (first ? [player, formatEventId(first)] : [player]),
    unpack: ([player, first]) => ({
      player: text(player, 'player'),
      ...(first != null && { first: eventId(first, 'first') }),
    }),
  };
}
