import { asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';

/** A document was saved in a slot. The version is in the event's `version`. */
export interface SaveWritten {
  readonly player: string;
  readonly slot: string;
  /** The JSON text exactly as the client sent it. Parsing and serializing it again could change it (large numbers, key order). */
  readonly document: string;
}

export const saveWritten: EventDefinition<SaveWritten> = {
  code: 'w1',
  stream: 'players',
  subject: data => data.player,
  countsVersionOf: data => data.slot,
  document: data => data.document,
  pack: ({ player, slot }) => [player, slot],
  unpack: ([player, slot], document) => ({
    player: asString(player, 'player'),
    slot: asString(slot, 'slot'),
    document: asString(document, 'document'),
  }),
};
