import { InvalidCursorError, type Topology } from '#libs/event-log';
import type { Attributes, BoardRules, EventId } from '#libs/events';
import { type RedisClient, Script } from '#libs/redis';
import { LiveState } from '../live-state.js';
import type { BoardEntry } from './leaderboard.fold.js';
import { leaderboards, parseEntry } from './leaderboard.store.js';
import { memberOf, rankScore } from './ranks.js';
import { LeaderboardRules } from './rules.js';

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
  /** How the board ranks; nothing when there is no such board. */
  readonly rules?: BoardRules;
  /** Entries on the whole board. */
  readonly total: number;
  readonly entries: readonly RankedEntry[];
  /** Where the next window begins, when there is more below. */
  readonly next?: string;
}

type Reply =
  | [rules: string, total: number, start: number, above: number, players: string[], runs: string[]]
  | [rules: string, total: number];

const readBoard = new Script<Reply>('read-board');

/** Reads leaderboards. Each answer is of one moment. */
export class LeaderboardReader {
  private readonly live: LiveState;

  constructor(
    redis: RedisClient,
    private readonly topology: Topology,
  ) {
    this.live = new LiveState(redis, leaderboards.name);
  }

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
    const reply = await this.live.read(
      readBoard,
      this.topology.of('scores', board),
      state => [state.ranks(board), state.runs(board), state.rules()],
      [board, from, where, member, length],
    );
    const [text, total, start = 0, above = 0, players = [], texts = []] = reply;
    const rules = text === '' ? undefined : new LeaderboardRules({ [`b:${board}`]: text }).of(board);
    const runs = texts.flatMap(run => parseEntry(run).entry ?? []);
    const last = runs.at(-1);
    return {
      ...(rules && { rules }),
      total,
      entries: rank(players, runs, start, above),
      ...(rules &&
        last &&
        start + players.length < total && { next: formatCursor(last, players.at(-1) ?? '', rules) }),
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

function formatCursor(entry: BoardEntry, player: string, rules: BoardRules): string {
  return Buffer.from(`${rankScore(entry.score, rules)} ${memberOf(player, entry)}`).toString('base64url');
}

/** A score as JavaScript writes it, and a member: order and player. */
const CURSOR = /^(-?\d+(?:\.\d+)?(?:e[+-]\d+)?) ([-\w]{14}[\w.:-]+)$/;

function parseCursor(cursor: string): [score: string, member: string] {
  const [, score, member] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!score || !member || !Number.isFinite(Number(score))) throw new InvalidCursorError();
  return [score, member];
}
