import type { Topology } from '#libs/event-log';
import type { Attributes, EventId } from '#libs/events';
import { type RedisClient, Script } from '#libs/redis';
import type { BoardEntry } from './leaderboard.fold.js';
import { parseRun } from './leaderboard.store.js';
import { orderOf } from './tie-break.js';

/** An entry with its rank: 1-based, equal scores share a rank, and the next rank counts them all (1, 2, 2, 4). */
export interface RankedEntry {
  readonly rank: number;
  readonly player: string;
  readonly score: number;
  readonly attributes?: Attributes;
  /** The event in which the player reached the score. */
  readonly run: EventId;
}

export interface BoardWindow {
  /** Entries on the whole board. */
  readonly total: number;
  readonly entries: readonly RankedEntry[];
  /** Where the next window begins, when there is more below. */
  readonly next?: string;
}

/** A cursor that no `next` was. */
export class InvalidCursorError extends Error {
  readonly code = 'INVALID_CURSOR';
  override readonly name = 'InvalidCursorError';

  constructor() {
    super('the cursor is not one that a page gave as `next`');
  }
}

type Reply =
  | [total: number, start: number, above: number, players: string[], runs: string[]]
  | [total: number];

const readBoard = new Script<Reply>('read-board');

/** Reads leaderboards. Each answer is of one moment. */
export class LeaderboardReader {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /** @param offset index of the first entry, from 0 */
  page(board: string, offset: number, limit: number): Promise<BoardWindow> {
    return this.read(board, limit, 'offset', offset);
  }

  /**
   * The entries behind a position. The position is one by score: it holds while entries move.
   *
   * @throws InvalidCursorError
   */
  async pageAfter(board: string, cursor: string, limit: number): Promise<BoardWindow> {
    return this.read(board, limit, 'after', ...parseCursor(cursor));
  }

  /**
   * The player's entry with `radius` neighbours on either side; at the board's ends, more on the other.
   *
   * @returns no entries when the player is not on the board
   */
  around(board: string, player: string, radius: number): Promise<BoardWindow> {
    return this.read(board, 2 * radius + 1, 'around', player);
  }

  private async read(
    board: string,
    length: number,
    from: 'offset' | 'after' | 'around',
    where: string | number,
    member = '',
  ): Promise<BoardWindow> {
    const keys = this.topology.of('scores', board);
    const reply = await readBoard.run(
      this.redis,
      [keys.ranks(board), keys.runs(board)],
      [from, where, member, length],
    );
    const [total, start = 0, above = 0, players = [], texts = []] = reply;
    const runs = texts.map(parseRun);
    const last = runs.at(-1);
    return {
      total,
      entries: rank(players, runs, start, above),
      ...(last && start + players.length < total && { next: formatCursor(last, players.at(-1) ?? '') }),
    };
  }
}

function rank(
  players: readonly string[],
  runs: readonly BoardEntry[],
  start: number,
  above: number,
): RankedEntry[] {
  let current = above + 1;
  return runs.map(({ run, score, attributes }, i) => {
    if (i > 0 && score !== runs[i - 1]?.score) current = start + i + 1;
    return {
      rank: current,
      player: players[i] ?? '',
      score,
      ...(attributes && { attributes }),
      run,
    };
  });
}

function formatCursor(entry: BoardEntry, player: string): string {
  return Buffer.from(`${entry.score} ${orderOf(entry.run)}${player}`).toString('base64url');
}

/** A score as JavaScript writes it, and a member: order and player. */
const CURSOR = /^(-?\d+(?:\.\d+)?(?:e[+-]\d+)?) ([-\w]{14}[\w.:-]+)$/;

function parseCursor(cursor: string): [score: string, member: string] {
  const [, score, member] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!score || !member || !Number.isFinite(Number(score))) throw new InvalidCursorError();
  return [score, member];
}
