import { NO_RULES, type Projection } from '../projection.js';
import { evolveProfile, type ProfileState } from './profile.fold.js';
import { formatProfile, nameEffects, parseProfile } from './profile.store.js';
import { evolveSave, type SaveState } from './save.fold.js';
import { isNextVersion } from './versions.js';

export type PlayerEvent = 'SaveWritten' | 'ProfilePatched';
export type PlayerState = SaveState | ProfileState;

/**
 * Saves: for each player a hash of slots, and for each slot a string that holds the document.
 * Profiles: for each partition a hash of players, and another one of their names.
 *
 * A slot is kept as `<version> <updatedAt> <bytes>`. An address holds states of one kind, that of its events.
 */
export const saves: Projection<PlayerState, PlayerEvent> = {
  name: 'saves',
  title: 'saves',
  stream: 'players',
  handles: ['SaveWritten', 'ProfilePatched'],
  kinds: ['saves', 'save', 'profiles', 'names'],
  rulebook: NO_RULES,
  targets: (event, _rules, keys) => [
    {
      address:
        event.type === 'SaveWritten'
          ? { key: keys.saves(event.data.player), field: event.data.slot }
          : { key: keys.profiles(), field: event.data.player },
    },
  ],
  isNext: isNextVersion,
  evolve: (state, event) =>
    event.type === 'SaveWritten'
      ? evolveSave(state as SaveState | undefined, event)
      : evolveProfile(state as ProfileState | undefined, event),
  format: state => ('json' in state ? formatProfile(state) : formatSave(state)),
  parse: text => (text.endsWith('}') ? parseProfile(text) : parseSave(text)),
  effects: (before, after, { type, data }, _rules, keys) =>
    type === 'SaveWritten'
      ? [
          {
            command: 'SET',
            type: 'string',
            key: keys.save(data.player, data.slot),
            args: [{ document: data.document }],
          },
        ]
      : nameEffects(before as ProfileState | undefined, after as ProfileState, data.player, keys),
};

function formatSave({ version, updatedAt, bytes }: SaveState): string {
  return `${version} ${updatedAt} ${bytes}`;
}

export function parseSave(text: string): SaveState {
  const [version = 0, updatedAt = 0, bytes = 0] = text.split(' ').map(Number);
  return { version, updatedAt, bytes };
}
