import type { RecordedEvent } from '#libs/events';
import type { StateKeys } from '#libs/redis';
import type { Rulebook, Ruling } from '../projection.js';
import type { EntryState } from './leaderboard.fold.js';
import { addToRanks, removeFromRanks } from './ranks.js';
import { boardField, boardText, LeaderboardRules, playerField, playerText, sameRules } from './rules.js';

/** What leaderboards are made of. */
export type LeaderboardEvent =
  | 'ScoreSubmitted'
  | 'EntryRevoked'
  | 'BoardDefined'
  | 'PlayerBanned'
  | 'PlayerUnbanned';

/** Definitions and bans; and a board that nobody defined is one from its first score on. */
export const rulebook: Rulebook<EntryState, LeaderboardEvent, LeaderboardRules> = {
  parse: fields => new LeaderboardRules(fields),
  assume: (fields, inTheEnd) => new LeaderboardRules(fields, new LeaderboardRules(inTheEnd)),
  amend: (rules, { field, value }) => rules.amend(field, value),
  cameTrue: rules => rules.asAssumed,
  rule: (rules, event, keys) => {
    switch (event.type) {
      case 'BoardDefined':
        return define(rules, event);
      case 'PlayerBanned':
      case 'PlayerUnbanned':
        return ban(rules, event, keys);
      case 'ScoreSubmitted':
        return play(rules, event.data.board);
      default:
        return undefined;
    }
  },
};

const plain = (field: string, value: string): Ruling<EntryState> => ({
  field,
  value,
  touches: [],
  effects: () => [],
});

function play(rules: LeaderboardRules, board: string): Ruling<EntryState> | undefined {
  return rules.isPlayed(board) ? undefined : plain(boardField(board), rules.withScore(board));
}

/** Entries under other rules are other entries: a board that has some is built anew. */
function define(
  rules: LeaderboardRules,
  { id, data }: RecordedEvent<'BoardDefined'>,
): Ruling<EntryState> | undefined {
  const { board } = data;
  if (!rules.isNewForBoard(board, id)) return undefined;
  const isPlayed = rules.isPlayed(board);
  const ruling = plain(boardField(board), boardText(data.rules, id, isPlayed));
  return isPlayed && !sameRules(rules.of(board), data.rules) ? { ...ruling, rebuilds: board } : ruling;
}

/** A banned player's entries are kept, but not ranked. */
function ban(
  rules: LeaderboardRules,
  { type, id, data: { player, first } }: RecordedEvent<'PlayerBanned' | 'PlayerUnbanned'>,
  keys: StateKeys,
): Ruling<EntryState> | undefined {
  const by = first ?? id;
  if (!rules.isNewForPlayer(player, by)) return undefined;
  const banned = type === 'PlayerBanned';
  const boards = banned === rules.isBanned(player) ? [] : rules.names;
  return {
    field: playerField(player),
    value: playerText(banned, by),
    touches: boards.map(board => ({ key: keys.runs(board), field: player })),
    effects: states =>
      states.flatMap((state, i) => {
        const board = boards[i] ?? '';
        if (!state?.entry) return [];
        return banned
          ? [removeFromRanks(keys.ranks(board), player, state.entry)]
          : [addToRanks(keys.ranks(board), player, state.entry, rules.of(board))];
      }),
  };
}
