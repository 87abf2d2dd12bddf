import { random, type TimedScore } from './score-log.js';

/** The boards. Each player plays on one of them. */
const BOARDS = ['arena', 'dungeon', 'race', 'survival', 'weekly-challenge'];
/** How many of 1,000 scores are a new best of the player. */
const NEW_BESTS_PER_1000 = 100;
const MAX_SCORE = 1_000_000;

/** Generates scores of players who already have a score. */
export class ReturningPlayers {
  private readonly next = random(1);
  private readonly bests: number[];
  private at = Date.now() - 60 * 60_000;

  constructor(
    players: number,
    private readonly boards: readonly string[] = BOARDS,
  ) {
    this.bests = Array.from({ length: players }, () => Math.floor(this.next() * MAX_SCORE));
  }

  /** The first score of every player. */
  *firstScores(): Generator<TimedScore> {
    for (const [player, score] of this.bests.entries()) yield this.score(player, score);
  }

  /** Scores of random players. One in ten is a new best. */
  *laterScores(count: number): Generator<TimedScore> {
    this.at += 1;
    for (let i = 0; i < count; i++) {
      const player = Math.floor(this.next() * this.bests.length);
      const best = this.bests[player] ?? 0;
      const isBetter = this.next() * 1_000 < NEW_BESTS_PER_1000;
      const score = isBetter ? best + 1 + Math.floor(this.next() * 100) : Math.floor(this.next() * best);
      if (isBetter) this.bests[player] = score;
      yield this.score(player, score);
    }
  }

  /** About twenty scores have the same millisecond. */
  private score(player: number, score: number): TimedScore {
    this.at += this.next() < 0.05 ? 1 : 0;
    const board = this.boards[player % this.boards.length] ?? 'arena';
    return { at: this.at, score: { board, player: `player-${100_000 + player}`, score } };
  }
}
