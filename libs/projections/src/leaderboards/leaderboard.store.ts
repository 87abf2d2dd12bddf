import type { Attributes } from '#libs/events';
import { type PackedSum, pack, toNumber, unpack } from '../exact-sum.js';
import type { Projection } from '../projection.js';
import { type BoardEntry, type EntryState, evolveEntry } from './leaderboard.fold.js';
import { addToRanks, memberOf, removeFromRanks } from './ranks.js';
import { type LeaderboardEvent, rulebook } from './rulebook.js';
import { boardField, type LeaderboardRules } from './rules.js';
import { orderOf, runOf } from './tie-break.js';

/**
 * Leaderboards: for each board a sorted set that ranks, and a hash of the runs that count.
 *
 * An entry is kept as `<order>[.<count>][~<epoch>] <score, or sum> <attributes>`. The order names the run's event;
 * with the number of scores on a board that sums, and of revocations when there were any, it is the revision.
 * What remains of a revoked entry is `~<epoch>`.
 */
export const leaderboards: Projection<EntryState, LeaderboardEvent, LeaderboardRules> = {
  name: 'ranking-projector',
  title: 'ranking',
  stream: 'scores',
  handles: ['ScoreSubmitted', 'EntryRevoked', 'BoardDefined', 'PlayerBanned', 'PlayerUnbanned'],
  kinds: ['rules', 'ranks', 'runs'],
  board: (board, keys) => ({ keys: [keys.ranks(board), keys.runs(board)], rule: boardField(board) }),
  rulebook,
  address: (event, keys) =>
    event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked'
      ? { key: keys.runs(event.data.board), field: event.data.player }
      : undefined,
  evolve: (state, event, rules) =>
    event.type === 'ScoreSubmitted' || event.type === 'EntryRevoked'
      ? evolveEntry(state, event, rules.of(event.data.board))
      : (state ?? { epoch: 0 }),
  format: formatEntry,
  parse: parseEntry,
  effects: (before, after, event, rules, keys) => {
    if (!('board' in event.data && 'player' in event.data)) return [];
    const { board, player } = event.data;
    if (rules.isBanned(player)) return [];
    const key = keys.ranks(board);
    const moved =
      before?.entry && !(after.entry && memberOf(player, before.entry) === memberOf(player, after.entry));
    return [
      ...(moved && before.entry ? [removeFromRanks(key, player, before.entry)] : []),
      ...(after.entry ? [addToRanks(key, player, after.entry, rules.of(board))] : []),
    ];
  },
};

function formatEntry({ epoch, entry }: EntryState): string {
  const suffix = epoch > 0 ? `~${epoch}` : '';
  if (!entry) return suffix || '~0';
  const { run, score, total, attributes } = entry;
  const revision = `${orderOf(run)}${total ? `.${total.count}` : ''}${suffix}`;
  const value = total ? JSON.stringify(pack(total.sum)) : String(score);
  return `${revision} ${value}${attributes ? ` ${JSON.stringify(attributes)}` : ''}`;
}

/** Revision, value (which holds no space), and attributes, which may. */
const ENTRY = /^([-\w]{14})(?:\.(\d+))?(?:~(\d+))? (\S+)(?: (.*))?$/s;

export function parseEntry(text: string): EntryState {
  const [, order, count, epoch = '0', value, attributes] = ENTRY.exec(text) ?? [];
  if (!order || !value) return { epoch: Number(text.slice(1)) };
  const total = count && { count: Number(count), sum: unpack(JSON.parse(value) as PackedSum) };
  const entry: BoardEntry = {
    score: total ? toNumber(total.sum) : Number(value),
    run: runOf(order),
    ...(attributes && { attributes: JSON.parse(attributes) as Attributes }),
    ...(total && { total }),
  };
  return { epoch: Number(epoch), entry };
}
