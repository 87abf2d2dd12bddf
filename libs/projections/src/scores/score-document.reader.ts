import { parseDefinedBoard, type Topology } from '#libs/event-log';
import type { BoardDefinition } from '#libs/events';
import { type PartitionKeys, type RedisClient, Script } from '#libs/redis';
import { toNumber } from '../exact-sum.js';
import { LiveState } from '../live-state.js';
import { pairs } from '../pairs.js';
import type { BoardScores } from './score-document.fold.js';
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

const readHash = new Script<string[]>('read-hash');

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
    const parts = await this.read(player);
    const boards = await Promise.all(parts.map(part => this.summaries(part)));
    return Object.fromEntries(boards.flat().sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Names of all boards where the player ever scored, also those where all of it was revoked. */
  async boards(player: string): Promise<string[]> {
    return (await this.read(player)).flatMap(({ boards }) => boards.map(([board]) => board));
  }

  /** Asks every partition: a player is on boards of all. */
  private async read(player: string): Promise<Part[]> {
    return Promise.all(
      this.topology.all('scores').map(async keys => {
        const flat = await this.live.read(readHash, keys, state => [state.scores(player)], []);
        return { keys, boards: pairs(flat) };
      }),
    );
  }

  /** Which score is the best, the board's definition says. */
  private async summaries({ keys, boards }: Part): Promise<[board: string, summary: BoardSummary][]> {
    if (boards.length === 0) return [];
    const names = boards.map(([board]) => board);
    const definitions = await this.redis.hmget(keys.definitions(), ...names);
    return boards.flatMap(([board, text], i) => {
      const { scores } = parseScores(text);
      const { order } = parseDefinedBoard(definitions[i] ?? '').definition;
      return scores ? [[board, summary(scores, order)] as [string, BoardSummary]] : [];
    });
  }
}

/** What one partition has of a player. */
interface Part {
  readonly keys: PartitionKeys;
  readonly boards: [board: string, text: string][];
}

function summary(
  { count, highest, lowest, sum, firstAt, recent }: BoardScores,
  order: BoardDefinition['order'],
): BoardSummary {
  const best = order === 'desc' ? highest : lowest;
  const scores = recent.map(({ id, score }) => ({ score, at: iso(id.ms) }));
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
