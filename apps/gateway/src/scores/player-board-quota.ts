import { LRUCache } from 'lru-cache';
import type { Topology } from '#libs/event-log';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { scoredBoardsKey } from '#libs/players';
import { type RedisClient } from '#libs/redis';
import { script } from '../lua.js';

/** Pairs of player and board in the cache. For other pairs, Redis is asked. */
const REMEMBERED = 50_000;
const NOT_COUNTED = 0;
const NEW = 2;

const claim = script<0 | 1 | 2>('claim');

/**
 * The quota `player.boards`. A player's scores are in the partitions of their boards, and none of these has all of them, so the
 * count is kept in the player's own partition.
 */
export class PlayerBoardQuota {
  private readonly known = new LRUCache<string, true>({ max: REMEMBERED });
  private readonly scores: ScoreDocumentReader;

  /** @param limit boards for each player; nothing for no limit */
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly limit: number | undefined,
  ) {
    this.scores = new ScoreDocumentReader(redis, topology);
  }

  /**
   * Counts the board as one of the player's.
   *
   * @returns whether it is new
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

  /** Takes back `add`, when the player got no score on the board after all. */
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

/** Ids have no slashes, so the name is unique. */
const nameOf = (player: string, board: string) => `${player}/${board}`;
