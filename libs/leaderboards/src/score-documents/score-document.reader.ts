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

/** What a player did on one board. Times are ISO 8601. */
export interface BoardSummary {
  /** The highest, or on a board with the order `asc` the lowest. */
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

/** Boards that Redis is asked for in one command, at most. */
const CALL_BOARDS = 500;

export class ScoreDocumentReader {
  private readonly live: LiveState;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, scoreDocuments.name);
  }

  /** The player's boards by name; empty when there are none. */
  async find(player: string): Promise<Readonly<Record<string, BoardSummary>>> {
    const scores = new Map<string, BoardScores>();
    for (const { boards } of await this.read(player)) {
      for (const [board, text] of boards) {
        const found = parseScores(text).scores;
        const known = scores.get(board);
        // Removed, and defined with other shards, a board has the player's scores in two partitions.
        if (found) scores.set(board, known ? mergeScores(known, found) : found);
      }
    }
    const names = [...scores.keys()].sort();
    const orders = await this.ordersOf(names);
    return Object.fromEntries(
      names.map(board => [board, summary(scores.get(board) as BoardScores, orders.get(board))]),
    );
  }

  /** Names of all boards where the player ever scored, also those where all of it was revoked. */
  async boards(player: string): Promise<string[]> {
    return [...new Set((await this.read(player)).flatMap(({ boards }) => boards.map(([board]) => board)))];
  }

  /** The partitions that have scores of the player. */
  async partitions(player: string): Promise<PartitionKeys[]> {
    return (await this.read(player)).flatMap(({ keys, boards }) => (boards.length > 0 ? [keys] : []));
  }

  /** Asks every partition: a player is on boards of all. */
  private async read(player: string): Promise<Part[]> {
    return Promise.all(
      this.topology.all('scores').map(async keys => {
        const boards = await this.live.readWhole(keys, state => scoresKey(state, player));
        return { keys, boards: [...boards] };
      }),
    );
  }

  /** Which score is the best, the boards' definitions say. */
  private async ordersOf(boards: readonly string[]): Promise<Map<string, BoardDefinition['order']>> {
    const orders = new Map<string, BoardDefinition['order']>();
    const places = Map.groupBy(boards, board => this.topology.of('scores', board));
    await Promise.all(
      [...places].map(async ([keys, names]) => {
        for (let at = 0; at < names.length; at += CALL_BOARDS) {
          const some = names.slice(at, at + CALL_BOARDS);
          const definitions = await this.redis.hmget(keys.definitions(), ...some);
          for (const [i, board] of some.entries())
            orders.set(board, parseDefinedBoard(definitions[i] ?? '').definition.order);
        }
      }),
    );
    return orders;
  }
}

/** What one partition has of a player. */
interface Part {
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
