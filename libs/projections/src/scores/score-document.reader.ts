import type { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { toNumber } from './exact-sum.js';
import type { BoardScores } from './score-document.fold.js';
import { parseScores } from './score-document.store.js';

/** What a player did on one board. Times are ISO 8601. */
export interface BoardSummary {
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

export class ScoreDocumentReader {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /** The player's boards by name; empty when there are none. Asks every partition: a player is on boards of all. */
  async find(player: string): Promise<Readonly<Record<string, BoardSummary>>> {
    const parts = await Promise.all(
      this.topology
        .all('scores')
        .map(async keys => Object.entries(await this.redis.hgetall(keys.scores(player)))),
    );
    const boards = parts.flat().map(([board, text]) => [board, summary(parseScores(text))] as const);
    return Object.fromEntries(boards.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function summary({ count, best, sum, firstAt, recent }: BoardScores): BoardSummary {
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
