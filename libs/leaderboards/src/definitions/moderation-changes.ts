import type { RecordedEvent } from '#libs/events';
import type { RulesChange, StateKeys } from '#libs/projections';
import type { BoardEntry } from '../ranking/leaderboard.fold.js';
import { Ranks } from '../ranking/ranks.js';
import type { LeaderboardRules } from './rules.js';
import { formatBan, playerField, revocationsField } from './rules-fields.js';

/** Removes what the player scored before the revocation, in every period of the board and of its derived boards. */
export function revoke(
  rules: LeaderboardRules,
  { version = 1, data: { board, player } }: RecordedEvent<'EntryRevoked'>,
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  if (version <= rules.revocationsOf(board, player)) return undefined;
  const affectedTargets = rules.entryTargets(player, keys, board);
  const isRevoked = (entry: BoardEntry | undefined) => entry !== undefined && entry.epoch < version;
  return {
    fields: { [revocationsField(board, player)]: String(version) },
    affectedTargets,
    removes: isRevoked,
    effects: entries =>
      affectedTargets.flatMap((target, i) =>
        isRevoked(entries[i]) ? new Ranks(keys, target, rules).move(entries[i], undefined) : [],
      ),
    droppedKeys: [],
  };
}

/** Takes a banned player out of all ranks, or back in. The entries stay stored. */
export function setBan(
  rules: LeaderboardRules,
  { type, id, data: { player, first } }: RecordedEvent<'PlayerBanned' | 'PlayerUnbanned'>,
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  const by = first ?? id;
  if (!rules.isNewerBan(player, by)) return undefined;
  const banned = type === 'PlayerBanned';
  const affectedTargets = banned === rules.isBanned(player) ? [] : rules.entryTargets(player, keys);
  return {
    fields: { [playerField(player)]: formatBan({ by, banned }) },
    affectedTargets,
    effects: entries =>
      affectedTargets.flatMap((target, i) => {
        const ranks = new Ranks(keys, target, rules);
        return banned ? ranks.move(entries[i], undefined) : ranks.move(undefined, entries[i]);
      }),
    droppedKeys: [],
  };
}

/**
 * Removes all entries of a player, and the ban and revocations. The event waits for all earlier ones, so nothing is left.
 * A board without entries keeps its list of periods.
 */
export function erasePlayer(
  rules: LeaderboardRules,
  { data: { player } }: RecordedEvent<'ScoresErased'>,
  keys: StateKeys,
): RulesChange<BoardEntry> {
  const affectedTargets = rules.entryTargets(player, keys);
  return {
    fields: Object.fromEntries(rules.playerFields(player).map(field => [field, undefined])),
    affectedTargets,
    removes: () => true,
    effects: entries =>
      affectedTargets.flatMap((target, i) => new Ranks(keys, target, rules).move(entries[i], undefined)),
    droppedKeys: [],
  };
}
