import type { RecordedEvent } from '#libs/events';
import { type ProfileState, profileEffects } from '#libs/players';
import { erasing, type Ruling } from '#libs/projections';
import type { StateKeys } from '#libs/redis';
import { isSearchable, type SaveState, saveDocumentEffects } from '#libs/saves';
import type { PlayerState } from './saves.projection.js';

/** It comes last of all events of the player, and says which slots there are, and how many versions each has. */
export function erasePlayer(
  { data: { player, heads = {} } }: RecordedEvent<'PlayerErased'>,
  keys: StateKeys,
): Ruling<PlayerState> {
  // A head that is no slot's names keys that are not there.
  const slots = Object.entries(heads);
  const searchable = slots.map(([slot]) => slot).filter(isSearchable);
  return {
    ...erasing({
      drops: [keys.saves(player), ...slots.flatMap(([slot, last]) => keys.histories(player, slot, last))],
    }),
    touches: [
      { address: { key: keys.profiles(), field: player } },
      ...searchable.map(slot => ({ address: { key: keys.saves(player), field: slot } })),
    ],
    effects: ([profile, ...saves]) => [
      ...profileEffects(profile as ProfileState | undefined, undefined, player, keys),
      ...searchable.flatMap((slot, i) =>
        saveDocumentEffects({ player, slot }, saves[i] as SaveState | undefined, undefined, keys),
      ),
      ...slots.map(
        ([slot]) => ({ command: 'UNLINK', type: 'string', key: keys.save(player, slot), args: [] }) as const,
      ),
    ],
  };
}
