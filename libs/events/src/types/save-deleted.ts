import { asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';

/** A save was deleted. The deletion takes a version number, and the next save in the slot gets the following one. */
export interface SaveDeleted {
  readonly player: string;
  readonly slot: string;
}

export const saveDeleted: EventDefinition<SaveDeleted> = {
  code: 'y1',
  stream: 'players',
  subject: data => data.player,
  countsVersionOf: data => data.slot,
  isDeletion: true,
  pack: ({ player, slot }) => [player, slot],
  unpack: ([player, slot]) => ({ player: asString(player, 'player'), slot: asString(slot, 'slot') }),
};
