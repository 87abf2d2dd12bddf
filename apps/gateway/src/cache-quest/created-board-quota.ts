import { QuotaExceededError, type Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import { cacheQuestBoardsKey } from './made-boards-key.js';

/** How often removed boards are looked for, at most. */
const CLEANUP_INTERVAL_MS = 10_000;
/** A counted board has its first score by then, or never. */
const FIRST_SCORE_MS = 5 * 60_000;
/** Boards that are looked up at a time. */
const CLEANUP_NAMES = 100;

const claim = script<number>('claim');

/** The quota `CACHE_QUEST_BOARDS`: boards that players can create by `/api/leaderboard`. */
export class CreatedBoardQuota {
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly limit: number,
    private readonly now = Date.now,
  ) {}

  /**
   * Counts a board that does not exist yet.
   *
   * @throws QuotaExceededError
   */
  async add(board: string): Promise<void> {
    try {
      await this.claim(board);
    } catch (error) {
      if (!(error instanceof QuotaExceededError) || !(await this.forgetRemoved())) throw error;
      await this.claim(board);
    }
  }

  private async claim(board: string): Promise<void> {
    await claim.run(this.redis, [this.key], [board, this.limit, 'CACHE_QUEST_BOARDS', 1, this.now()]);
  }

  /** Uncounts boards that an operator has removed. @returns whether there were any */
  private async forgetRemoved(): Promise<boolean> {
    if (this.now() < this.lookedAt + CLEANUP_INTERVAL_MS) return false;
    this.lookedAt = this.now();
    const counted = Object.entries(await this.redis.hgetall(this.key));
    const names = counted.flatMap(([board, at]) => (Number(at) + FIRST_SCORE_MS < this.now() ? [board] : []));
    const removed: string[] = [];
    for (let at = 0; at < names.length; at += CLEANUP_NAMES) {
      const some = names.slice(at, at + CLEANUP_NAMES);
      const exist = await Promise.all(
        some.map(board => this.redis.hexists(this.topology.of('scores', board).definitions(), board)),
      );
      removed.push(...some.filter((_, i) => exist[i] === 0));
    }
    return removed.length > 0 && (await this.redis.hdel(this.key, ...removed)) > 0;
  }

  private get key(): string {
    return cacheQuestBoardsKey(this.topology.prefix);
  }
}
