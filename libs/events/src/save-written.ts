import { text } from './checks.js';
import type { EventDefinition } from './definition.js';

/** A save slot received a new document. Which version it is stands in the envelope. */
export interface SaveWritten {
  readonly player: string;
  readonly slot: string;
  /** The JSON text exactly as the client sent it: parsing and writing it again could change it. */
  readonly document: string;
}

export const saveWritten: EventDefinition<SaveWritten> = {
  code: 'w1',
  stream: 'players',
  subject: data => data.player,
  versioned: data => data.slot,
  document: data => data.document,
  pack: ({ player, slot }) => [player, slot],
  unpack: ([player, slot], document) => ({
    player: text(player, 'player'),
    slot: text(slot, 'slot'),
    document: text(document, 'document'),
  }),
};
