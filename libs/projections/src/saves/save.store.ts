import { NO_RULES, type Projection } from '../projection.js';
import { evolveSave, isNextVersion, type SaveState } from './save.fold.js';

/**
 * Saves: for each player a hash of slots, and for each slot a string that holds the document.
 *
 * A slot is kept as `<version> <updatedAt> <bytes>`.
 */
export const saves: Projection<SaveState, 'SaveWritten'> = {
  name: 'saves',
  title: 'saves',
  stream: 'players',
  handles: ['SaveWritten'],
  kinds: ['saves', 'save'],
  rulebook: NO_RULES,
  address: ({ data }, keys) => ({ key: keys.saves(data.player), field: data.slot }),
  isNext: isNextVersion,
  evolve: evolveSave,
  format: ({ version, updatedAt, bytes }) => `${version} ${updatedAt} ${bytes}`,
  parse: parseSave,
  effects: (_before, _after, { data }, _rules, keys) => [
    {
      command: 'SET',
      type: 'string',
      key: keys.save(data.player, data.slot),
      args: [{ document: data.document }],
    },
  ],
};

export function parseSave(text: string): SaveState {
  const [version = 0, updatedAt = 0, bytes = 0] = text.split(' ').map(Number);
  return { version, updatedAt, bytes };
}
