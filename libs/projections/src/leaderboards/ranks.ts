import type { BoardRules } from '#libs/events';
import type { Effect } from '../projection.js';
import type { BoardEntry } from './leaderboard.fold.js';
import { orderOf } from './tie-break.js';

/** What an entry is ranked by: more is better on every board, and there is one zero only. */
export function rankScore(score: number, { order }: BoardRules): number {
  return order === 'desc' ? score : 0 - score;
}

export const memberOf = (player: string, { run }: BoardEntry) => orderOf(run) + player;

export function addToRanks(key: string, player: string, entry: BoardEntry, rules: BoardRules): Effect {
  const args = [String(rankScore(entry.score, rules)), memberOf(player, entry)];
  return { command: 'ZADD', type: 'zset', key, args };
}

export function removeFromRanks(key: string, player: string, entry: BoardEntry): Effect {
  return { command: 'ZREM', type: 'zset', key, args: [memberOf(player, entry)] };
}
