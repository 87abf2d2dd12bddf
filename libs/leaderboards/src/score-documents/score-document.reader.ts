import type { PartitionKeys, Topology } from '#libs/event-log';
import { type BoardDefinition, parseEventId } from '#libs/events';
import { LiveState } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { parseDefinedBoard } from '../definitions/defined-board.js';
import { scoresKey } from '../keys.js';
import { toNumber } from '../ranking/exact-sum.js';
import { recordsOf } from './recent-scores.js';
import { type BoardScores, mergeScores } from './score-document.fold.js';
import { parseScores, scoreDocuments } from './score-document.store.js';

/** A player's scores on one board, for clients. Times are ISO 8601. */
export interface BoardSummary {
  /** The highest score, or the lowest on a board with the order `asc`. */
  readonly best: number;
  readonly last: number;
  readonly count: number;
  /** The nearest double to the exact sum. */
  readonly sum: number;
  readonly firstAt: string;
  readonly lastAt: string;
  /** Newest first, at most 10. */
  readonly recent: readonly { readonly score: number; readonly at: string }[];
}

const MAX_CALL_BOARDS = 500;

export class ScoreDocumentReader {
  private readonly live: LiveState;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, scoreDocuments.name);
  }

  /** The player's scores by board. */
  async find(player: string): Promise<Readonly<Record<string, BoardSummary>>> {
    const scores = new Map<string, BoardScores>();
    for (const { boards } of await this.read(player)) {
      for (const [board, text] of boards) {
        const found = parseScores(text).scores;
        const known = scores.get(board);
        // A board that was removed and defined with other shards can have scores of the player in two partitions.
        if (found) scores.set(board, known ? mergeScores(known, found) : found);
      }
    }
    const names = [...scores.keys()].sort();
    const orders = await this.readOrders(names);
    return Object.fromEntries(
      names.map(board => [board, summary(scores.get(board) as BoardScores, orders.get(board))]),
    );
  }

  /** All boards where the player has ever scored, including those where all scores were revoked. */
  async boards(player: string): Promise<string[]> {
    return [...new Set((await this.read(player)).flatMap(({ boards }) => boards.map(([board]) => board)))];
  }

  /** The partitions that have scores of the player. */
  async partitions(player: string): Promise<PartitionKeys[]> {
    return (await this.read(player)).flatMap(({ keys, boards }) => (boards.length > 0 ? [keys] : []));
  }

  /** Reads every partition, since any of them can have boards of the player. */
  private async read(player: string): Promise<PartitionScores[]> {
    return Promise.all(
      this.topology.all('scores').map(async keys => {
        const boards = await this.live.readWhole(keys, state => scoresKey(state, player));
        return { keys, boards: [...boards] };
      }),
    );
  }

  /** Reads the orders of the boards, which decide which score is the best. */
  private async readOrders(boards: readonly string[]): Promise<Map<string, BoardDefinition['order']>> {
    const orders = new Map<string, BoardDefinition['order']>();
    const byPartition = Map.groupBy(boards, board => this.topology.of('scores', board));
    await Promise.all(
      [...byPartition].map(async ([keys, names]) => {
        for (let at = 0; at < names.length; at += MAX_CALL_BOARDS) {
          const some = names.slice(at, at + MAX_CALL_BOARDS);
          const definitions = await this.redis.hmget(keys.definitions(), ...some);
          for (const [i, board] of some.entries())
            orders.set(board, parseDefinedBoard(definitions[i] ?? '').definition.order);
        }
      }),
    );
    return orders;
  }
}

/** A player's boards in one partition. */
interface PartitionScores {
  readonly keys: PartitionKeys;
  readonly boards: [board: string, text: string][];
}

function summary(
  { count, highest, lowest, sum, firstAt, recent }: BoardScores,
  order: BoardDefinition['order'] = 'desc',
): BoardSummary {
  const best = order === 'desc' ? highest : lowest;
  const scores = recordsOf(recent).map(([id, score, at]) => ({
    score,
    at: iso(at ?? parseEventId(id).ms),
  }));
  const [latest] = scores;
  return {
    best,
    last: latest?.score ?? best,
    count,
    sum: toNumber(sum),
    firstAt: iso(firstAt),
    lastAt: latest?.at ?? iso(firstAt),
    recent: scores,
  };
}

const iso = (ms: number) => new Date(ms).toISOString();
