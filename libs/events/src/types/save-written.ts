import { asJsonObject, asString, optional } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';
import type { JsonObject } from '../json.js';

/** A document was saved in a slot. The version is in the event's `version`. */
export interface SaveWritten {
  readonly player: string;
  readonly slot: string;
  /** The JSON text exactly as the client sent it. Parsing and serializing it again could change it (large numbers, key order). */
  readonly document: string;
  /** What the game says about the save, for lists. Missing in events from before there was any. */
  readonly meta?: JsonObject;
}

export const saveWritten: EventDefinition<SaveWritten> = {
  code: 'w1',
  stream: 'players',
  subject: data => data.player,
  countsVersionOf: data => data.slot,
  document: data => data.document,
  pack: ({ player, slot, meta }) => [player, slot, ...(meta ? [meta] : [])],
  // A patch keeps the meta of the version before, so a repeat of the request can have another one.
  asRequested: ({ meta: _, ...data }) => data,
  unpack: ([player, slot, meta], document) => ({
    player: asString(player, 'player'),
    slot: asString(slot, 'slot'),
    document: asString(document, 'document'),
    ...optional({ meta }, 'meta', asJsonObject),
  }),
};
