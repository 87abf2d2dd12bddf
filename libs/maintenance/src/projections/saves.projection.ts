import { isInVersionOrder, versionOf } from '#libs/events';
import {
  evolveProfile,
  formatProfile,
  type ProfileState,
  parseProfile,
  profileEffects,
  profilesKey,
} from '#libs/players';
import type { Projection } from '#libs/projections';
import {
  evolvePastVersion,
  evolveSave,
  formatPastVersion,
  formatSave,
  historyKey,
  type PastVersion,
  parsePastVersion,
  parseSave,
  type SaveState,
  slotEffects,
  slotsKey,
} from '#libs/saves';
import { DOCUMENTS_GROUP } from '#libs/search';
import { erasePlayer } from './erase-player.js';

export type PlayerEvent = 'SaveWritten' | 'SaveDeleted' | 'ProfilePatched' | 'PlayerErased';

import type { PlayerState } from './player-state.js';

/**
 * Saves: per player a hash of slots, per slot a string with the document, and per hundred versions of a slot a hash with their
 * places in the log.
 * Profiles: per partition a hash of players, and another one of their names.
 * Search: per partition a sorted set of the index terms of profiles, and one for each searchable slot.
 *
 * The format of a slot is described at `formatSave`.
 * An address has states of one kind.
 */
export const saves: Projection<PlayerState, PlayerEvent> = {
  name: DOCUMENTS_GROUP,
  title: 'saves',
  stream: 'players',
  handles: ['SaveWritten', 'SaveDeleted', 'ProfilePatched', 'PlayerErased'],
  kinds: ['saves', 'save', 'history', 'profiles', 'names', 'search', 'document'],
  removalFor: (event, keys) => (event.type === 'PlayerErased' ? erasePlayer(event, keys) : undefined),
  waitsForAllEarlier: ({ type }) => type === 'PlayerErased',
  targets: (event, keys) => {
    if (event.type === 'PlayerErased') return [];
    if (event.type === 'ProfilePatched')
      return [{ address: { key: profilesKey(keys), field: event.data.player } }];
    const { player, slot } = event.data;
    const version = versionOf(event);
    return [
      { address: { key: slotsKey(keys, player), field: slot } },
      { address: { key: historyKey(keys, player, slot, version), field: String(version) }, version },
    ];
  },
  isNext: (state, event, { version }) =>
    version !== undefined ||
    event.type === 'PlayerErased' ||
    isInVersionOrder(state as SaveState | ProfileState | undefined, event),
  evolve: (state, event, { version }) => {
    if (event.type === 'PlayerErased') return state;
    if (event.type === 'ProfilePatched') return evolveProfile(state as ProfileState | undefined, event);
    return version === undefined
      ? evolveSave(state as SaveState | undefined, event)
      : evolvePastVersion(state as PastVersion | undefined, event);
  },
  format: state => {
    if ('json' in state) return formatProfile(state);
    return 'id' in state ? formatPastVersion(state) : formatSave(state);
  },
  parse: text => {
    if (text.endsWith('}')) return parseProfile(text);
    return /^\d+-/.test(text) ? parsePastVersion(text) : parseSave(text);
  },
  needsEvents: true,
  effects: (before, after, event, { version }, keys) => {
    if (!event || event.type === 'PlayerErased') return [];
    if (event.type === 'ProfilePatched')
      return profileEffects(
        before as ProfileState | undefined,
        after as ProfileState,
        event.data.player,
        keys,
      );
    return version === undefined
      ? slotEffects(before as SaveState | undefined, after as SaveState, event, keys)
      : [];
  },
};
