import { text } from './checks.js';
import type { EventDefinition } from './definition.js';

/** A save slot was emptied. It is a version like any other: the next document in the slot is the one after it. */
export interface SaveDeleted {
  readonly player: string;
  readonly slot: string;
}

export const saveDeleted: EventDefinition<SaveDeleted> = {
  code: 'y1',
  stream: 'players',
  subject: data => data.player,
  versioned: data => data.slot,
  deletes: true,
  pack: ({ player, slot }) => [player, slot],
  unpack: ([player, slot]) => ({ player: text(player, 'player'), slot: text(slot, 'slot') }),
};
