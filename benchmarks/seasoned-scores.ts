import { random, type TimedScore } from './score-log.js';

/** Boards of a game; each player plays on one of them. */
const BOARDS = ['arena', 'dungeon', 'race', 'survival', 'weekly-challenge'];
/** How many of a thousand scores are a player's best so far. */
const BETTER = 100;
const HIGHEST = 1_000_000;

/** Scores of players who have played before. */
export class SeasonedScores {
  private readonly next = random(1);
  private readonly bests: number[];
  private at = Date.now() - 60 * 60_000;

  constructor(
    players: number,
    private readonly boards: readonly string[] = BOARDS,
  ) {
    this.bests = Array.from({ length: players }, () => Math.floor(this.next() * HIGHEST));
  }

  /** The first score of every player. */
  *history(): Generator<TimedScore> {
    for (const [player, score] of this.bests.entries()) yield this.score(player, score);
  }

  /** Of any players; one of ten is better than all before. */
  *later(count: number): Generator<TimedScore> {
    this.at += 1;
    for (let i = 0; i < count; i++) {
      const player = Math.floor(this.next() * this.bests.length);
      const best = this.bests[player] ?? 0;
      const isBetter = this.next() * 1_000 < BETTER;
      const score = isBetter ? best + 1 + Math.floor(this.next() * 100) : Math.floor(this.next() * best);
      if (isBetter) this.bests[player] = score;
      yield this.score(player, score);
    }
  }

  /** Twenty in a millisecond. */
  private score(player: number, score: number): TimedScore {
    this.at += this.next() < 0.05 ? 1 : 0;
    const board = this.boards[player % this.boards.length] ?? 'arena';
    return { at: this.at, score: { board, player: `player-${100_000 + player}`, score } };
  }
}
