import type { StateKeys } from '#libs/projections';

/** Up to 128 fields, Redis stores a hash compactly, in a third of the memory. */
const VERSIONS_PER_HASH = 100;

/** hash: slot -> version, time, and bytes, or `-` for a deletion */
export const slotsKey = (state: StateKeys, player: string) => state.key('saves', player);

/** string: the document in a slot. Neither id can contain a slash. */
export const documentKey = (state: StateKeys, player: string, slot: string) =>
  state.key('save', `${player}/${slot}`);

/** hash: version -> event id, kind of actor, and bytes; a hundred versions per hash */
export const historyKey = (state: StateKeys, player: string, slot: string, version: number) =>
  state.key('history', `${player}/${slot}/${Math.floor(version / VERSIONS_PER_HASH)}`);

/** The hashes of all versions up to `last`. */
export function historyKeys(state: StateKeys, player: string, slot: string, last: number): string[] {
  const count = Math.floor(last / VERSIONS_PER_HASH) + 1;
  return Array.from({ length: count }, (_, n) => historyKey(state, player, slot, n * VERSIONS_PER_HASH));
}
