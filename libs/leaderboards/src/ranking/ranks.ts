import type { BoardDefinition } from '#libs/events';
import type { Effect, StateKeys, Target } from '#libs/projections';
import type { LeaderboardRules } from '../definitions/rules.js';
import { levelsKey, ranksKey } from '../keys.js';
import type { BoardEntry } from './leaderboard.fold.js';
import { prefixOf } from './tie-break.js';

/** The score in the sorted set: greater is better on every board. Adding to 0 turns -0 into 0. */
export function rankScore(score: number, { order }: BoardDefinition): number {
  return order === 'desc' ? score + 0 : 0 - score;
}

export const memberOf = (player: string, { run }: Pick<BoardEntry, 'run'>, { tieBreak }: BoardDefinition) =>
  prefixOf[tieBreak](run) + player;

/** @throws Error if the target has no board */
export function boardOf({ board, address: { key } }: Target): string {
  if (board === undefined) throw new Error(`the target ${key} has no board`);
  return board;
}

/** A player's member in the sorted sets of one board and period. */
export class Ranks {
  private readonly key: string;
  private readonly definition: BoardDefinition;

  constructor(
    private readonly keys: StateKeys,
    private readonly target: Target,
    rules: Pick<LeaderboardRules, 'definitionOf'>,
  ) {
    const board = boardOf(target);
    this.key = ranksKey(keys, board, target.period);
    this.definition = rules.definitionOf(board);
  }

  /** The effects that replace the member of one entry by that of another. Either entry can be undefined. */
  move(before: BoardEntry | undefined, after: BoardEntry | undefined): Effect[] {
    const player = this.target.address.field;
    const from = before && memberOf(player, before, this.definition);
    const to = after && memberOf(player, after, this.definition);
    return [
      ...(from !== undefined && from !== to ? [this.effect('ZREM', from)] : []),
      ...(after && to !== undefined ? [this.effect('ZADD', this.scoreOf(after), to)] : []),
      ...(this.definition.ranking === 'dense' ? this.levels(before, after) : []),
    ];
  }

  private levels(...entries: readonly (BoardEntry | undefined)[]): Effect[] {
    const key = levelsKey(this.keys, boardOf(this.target), this.target.period);
    const scores = new Set(entries.flatMap(entry => (entry ? [this.scoreOf(entry)] : [])));
    const ranks = { key: this.key, type: 'zset' } as const;
    return [...scores].map(score => ({ command: 'LEVEL', type: 'zset', key, args: [ranks, score] }));
  }

  private scoreOf(entry: BoardEntry): string {
    return String(rankScore(entry.score, this.definition));
  }

  private effect(command: 'ZADD' | 'ZREM', ...args: string[]): Effect {
    return { command, type: 'zset', key: this.key, args };
  }
}
