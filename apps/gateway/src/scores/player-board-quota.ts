import type { Topology } from '#libs/event-log';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { scoredBoardsKey } from '#libs/players';
import { RecentlyUsed, type RedisClient } from '#libs/redis';
import { script } from '../lua.js';

/** Pairs of player and board that are remembered to count; of others, Redis is asked. */
const REMEMBERED = 50_000;
const NOT_COUNTED = 0;
const NEW = 2;

const claim = script<0 | 1 | 2>('claim');

/**
 * Counts the boards of a player, for `player.boards`. Scores are in the partitions of their boards, and none of these
 * knows all of a player's: the count is in the player's own.
 */
export class PlayerBoardQuota {
  private readonly known = new RecentlyUsed<true>(REMEMBERED);
  private readonly scores: ScoreDocumentReader;

  /** @param limit of boards on which a player may have scored; nothing for no limit */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly limit: number | undefined,
  ) {
    this.scores = new ScoreDocumentReader(redis, topology);
  }

  /**
   * Sees to it that the board counts as one of the player's.
   *
   * @returns whether it has not before
   * @throws QuotaExceededError
   */
  async add(player: string, board: string): Promise<boolean> {
    if (this.limit === undefined || this.known.get(nameOf(player, board))) return false;
    let claimed = await this.claim(player, board, [0, '']);
    if (claimed === NOT_COUNTED)
      claimed = await this.claim(player, board, [1, '', ...(await this.scores.boards(player))]);
    this.known.set(nameOf(player, board), true);
    return claimed === NEW;
  }

  /** The board does not count any more: the player has no score there after all. */
  async remove(player: string, board: string): Promise<void> {
    this.known.delete(nameOf(player, board));
    await this.redis.hdel(this.keyOf(player), board);
  }

  private claim(player: string, board: string, counted: readonly (string | number)[]): Promise<0 | 1 | 2> {
    return claim.run(this.redis, [this.keyOf(player)], [board, this.limit ?? 0, 'player.boards', ...counted]);
  }

  private keyOf(player: string): string {
    return scoredBoardsKey(this.topology.of('players', player), player);
  }
}

/** Neither can hold a slash. */
const nameOf = (player: string, board: string) => `${player}/${board}`;
