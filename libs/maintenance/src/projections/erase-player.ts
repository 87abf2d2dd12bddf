import type { RecordedEvent } from '#libs/events';
import { type ProfileState, profileEffects, profilesKey } from '#libs/players';
import type { Removal, StateKeys } from '#libs/projections';
import {
  documentKey,
  historyKeys,
  isSearchable,
  type SaveState,
  saveDocumentEffects,
  slotsKey,
} from '#libs/saves';
import type { PlayerState } from './player-state.js';

/** The event is the last one of the player. It lists the slots, and the number of versions of each. */
export function erasePlayer(
  { data: { player, heads = {} } }: RecordedEvent<'PlayerErased'>,
  keys: StateKeys,
): Removal<PlayerState> {
  // Heads of other parts result in keys that do not exist.
  const slots = Object.entries(heads);
  const searchable = slots.map(([slot]) => slot).filter(isSearchable);
  return {
    hashes: [
      slotsKey(keys, player),
      ...slots.flatMap(([slot, last]) => historyKeys(keys, player, slot, last)),
    ],
    states: [
      { address: { key: profilesKey(keys), field: player } },
      ...searchable.map(slot => ({ address: { key: slotsKey(keys, player), field: slot } })),
    ],
    effects: ([profile, ...saves]) => [
      ...profileEffects(profile as ProfileState | undefined, undefined, player, keys),
      ...searchable.flatMap((slot, i) =>
        saveDocumentEffects({ player, slot }, saves[i] as SaveState | undefined, undefined, keys),
      ),
      ...slots.map(
        ([slot]) =>
          ({ command: 'UNLINK', type: 'string', key: documentKey(keys, player, slot), args: [] }) as const,
      ),
    ],
  };
}
