import type { Topology } from '#libs/event-log';
import { type RedisClient, Script } from '#libs/redis';
import { toNumber } from '../exact-sum.js';
import { LiveState } from '../live-state.js';
import { pairs } from '../pairs.js';
import type { BoardScores } from './score-document.fold.js';
import { parseScores, scoreDocuments } from './score-document.store.js';

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

const readHash = new Script<string[]>('read-hash');

export class ScoreDocumentReader {
  private readonly live: LiveState;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, scoreDocuments.name);
  }

  /** The player's boards by name; empty when there are none. */
  async find(player: string): Promise<Readonly<Record<string, BoardSummary>>> {
    const boards = (await this.read(player)).flatMap(([board, text]) => {
      const { scores } = parseScores(text);
      return scores ? [[board, summary(scores)] as const] : [];
    });
    return Object.fromEntries(boards.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Names of all boards where the player ever scored, also those where all of it was revoked. */
  async boards(player: string): Promise<string[]> {
    return (await this.read(player)).map(([board]) => board);
  }

  /** Asks every partition: a player is on boards of all. */
  private async read(player: string): Promise<[board: string, text: string][]> {
    const parts = this.topology
      .all('scores')
      .map(keys => this.live.read(readHash, keys, state => [state.scores(player)], []));
    return (await Promise.all(parts)).flatMap(pairs);
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
