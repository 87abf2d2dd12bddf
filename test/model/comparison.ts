import type { Answer, Client } from '../e2e/support/client.js';
import {
  type Line,
  type NaiveLeaderboards,
  type Placed,
  ranksOf,
  type Standings,
} from './naive-leaderboards.js';
import type { Reading } from './scenario.js';
import type { Call, Transcript } from './transcript.js';

/** Whose boards are looked at, and when. */
export interface Scene {
  readonly boards: readonly string[];
  readonly players: readonly string[];
  readonly now: number;
}

/** A period of a board, as it is asked for, and as it should be. */
interface Asked {
  readonly board: string;
  readonly asked: string;
  readonly expected: Standings | 400 | 404;
}

/** Reads boards in every way there is, and compares with the model. */
export class Comparison {
  constructor(
    private readonly client: Client,
    private readonly model: NaiveLeaderboards,
    private readonly transcript: Transcript,
  ) {}

  /** @throws Error at a difference */
  async compareAll({ boards, players, now }: Scene, reading: Reading): Promise<void> {
    for (const board of boards) {
      await this.compareDefinition(board, now);
      for (const asked of this.periodsToAskFor(board, reading)) {
        const expected = this.model.standings(board, asked, now);
        await this.comparePeriod({ board, asked, expected }, players, reading);
      }
    }
  }

  /** The current entries of a player on all boards, in whatever order. */
  async comparePlayer({ boards, players, now }: Scene): Promise<void> {
    const [player = ''] = players;
    const entries = boards.flatMap(board => {
      const standings = this.model.standings(board, 'current', now);
      const entry = typeof standings === 'object' && single(board, standings, player);
      return entry ? [entry] : [];
    });
    await this.read({ method: 'GET', path: `/v1/players/${player}/entries` }, ({ body }) => {
      expect(body.entries).toHaveLength(entries.length);
      expect(body.entries).toEqual(expect.arrayContaining(entries));
    });
  }

  /** The page behind a line of a page that was read before. */
  async comparePageBehind(
    board: string,
    period: string,
    place: Placed,
    cursor: string,
    limit: number,
    now: number,
  ) {
    // A board that is never reset takes no ids of periods.
    const expected = this.model.standings(board, period, now);
    const path = `/v1/leaderboards/${board}/entries?limit=${limit}&cursor=${cursor}`;
    const below = this.model.linesBelow(board, period, place);
    const answer = await this.read({ method: 'GET', path }, ({ status, body }) => {
      if (typeof expected === 'number') return expect(status).toBe(expected);
      const entries = below.slice(0, limit).map(view);
      expect(body).toEqual({
        ...frame(board, expected),
        ...expected.calendar,
        entries,
        ...following(below.length > limit),
      });
    });
    return typeof expected === 'object' && below.length > limit
      ? { place: below[limit - 1], cursor: answer.body.next as string }
      : undefined;
  }

  private async compareDefinition(board: string, now: number): Promise<void> {
    const expected = this.model.standings(board, 'current', now);
    await this.read({ method: 'GET', path: `/v1/leaderboards/${board}` }, ({ status, body }) => {
      if (!this.model.exists(board)) return expect(status).toBe(404);
      const definition = this.model.definitionOf(board);
      expect(body).toEqual({ ...definition, ...frame(board, expected as Standings) });
    });
  }

  private periodsToAskFor(board: string, { period }: Reading): string[] {
    const { reset, keepPeriods = 0 } = this.model.definitionOf(board);
    const periods = this.model.periodsWithScores(board).reverse();
    // The newest, the last that is kept, the first that is not, and any.
    const ids = reset ? [0, keepPeriods, keepPeriods + 1, period].flatMap(i => periods[i] ?? []) : [];
    return [...new Set(['current', 'previous', ...ids])];
  }

  private async comparePeriod(asked: Asked, players: readonly string[], reading: Reading): Promise<void> {
    await Promise.all([
      this.compareWalk(asked, reading.limit, 100),
      this.compareWalk(asked, reading.limit, reading.topPercent),
      this.comparePage(asked, reading),
      this.compareScore(asked, reading),
      this.compareLookup(asked, players.slice(1)),
      this.compareLookup(asked, players),
      ...players.flatMap(player => [
        this.compareEntry(asked, player),
        this.compareAround(asked, player, reading.radius),
      ]),
    ]);
  }

  /** All pages, from cursor to cursor. */
  private async compareWalk(asked: Asked, limit: number, topPercent: number): Promise<void> {
    const percent = topPercent < 100 ? `&topPercent=${topPercent}` : '';
    let query = `period=${asked.asked}`;
    for (let offset = 0; ; offset += limit) {
      const answer = await this.page(asked, `entries?limit=${limit}${percent}&${query}`, lines => {
        const shown = lines.slice(0, Math.ceil((lines.length * topPercent) / 100));
        return {
          entries: shown.slice(offset, offset + limit).map(view),
          ...following(shown.length > offset + limit),
        };
      });
      if (!answer.body.next) return;
      query = `cursor=${answer.body.next}`;
    }
  }

  private comparePage(asked: Asked, { offset, limit }: Reading): Promise<Answer> {
    const path = `entries?offset=${offset}&limit=${limit}&period=${asked.asked}`;
    return this.page(asked, path, lines => ({
      entries: lines.slice(offset, offset + limit).map(view),
      ...following(lines.length > offset + limit),
    }));
  }

  private compareScore(asked: Asked, { score, limit }: Reading): Promise<Answer> {
    const path = `entries?aroundScore=${score}&limit=${limit}&period=${asked.asked}`;
    return this.page(asked, path, lines => {
      const start = centre(lines, this.model.linesAbove(asked.board, lines, score), limit);
      return {
        entries: lines.slice(start, start + limit).map(view),
        ...following(lines.length > start + limit),
      };
    });
  }

  private compareAround(asked: Asked, player: string, radius: number): Promise<Answer> {
    const path = `around/${player}?radius=${radius}&period=${asked.asked}`;
    return this.page(asked, path, lines => {
      const index = lines.findIndex(line => line.player === player);
      if (index < 0) return 404;
      const start = centre(lines, index, 2 * radius + 1);
      return { entries: lines.slice(start, start + 2 * radius + 1).map(view) };
    });
  }

  private async compareEntry({ board, asked, expected }: Asked, player: string): Promise<void> {
    const path = `/v1/leaderboards/${board}/entries/${player}?period=${asked}`;
    await this.read({ method: 'GET', path }, ({ status, body }) => {
      if (typeof expected === 'number') return expect(status).toBe(expected);
      const entry = single(board, expected, player);
      if (!entry) return expect(status).toBe(404);
      expect(body).toEqual(entry);
    });
  }

  private async compareLookup(asked: Asked, players: readonly string[]): Promise<void> {
    const { ranking } = this.model.definitionOf(asked.board);
    const body = { players: ['nobody', ...players, ...players.slice(0, 1)] };
    await this.page(
      asked,
      `lookup?period=${asked.asked}`,
      lines => {
        const found = lines.filter(({ player }) => players.includes(player));
        const ranks = ranksOf(found, ranking);
        return { entries: found.map((line, i) => ({ ...view(line), rankInList: ranks[i] })) };
      },
      { method: 'POST', body },
    );
  }

  /** @param show what there should be besides board, period and total, or a status */
  private page(
    { board, expected }: Asked,
    path: string,
    show: (lines: readonly Placed[]) => object | 404,
    call: Pick<Call, 'method' | 'body'> = { method: 'GET' },
  ): Promise<Answer> {
    return this.read({ ...call, path: `/v1/leaderboards/${board}/${path}` }, ({ status, body }) => {
      const shown = typeof expected === 'number' ? expected : show(expected.lines);
      if (typeof shown === 'number') return expect(status).toBe(shown);
      const standings = expected as Standings;
      // A lookup does not say when its period begins and ends.
      const calendar = call.method === 'GET' && standings.calendar;
      expect(body).toEqual({ ...frame(board, standings), ...calendar, ...shown });
    });
  }

  private read(call: Call, expected: (answer: Answer) => void): Promise<Answer> {
    return this.transcript.read(this.client, call, expected);
  }
}

const frame = (board: string, { period, lines }: Standings) => ({ board, period, total: lines.length });

const following = (isThere: boolean) => (isThere ? { next: expect.any(String) } : {});

/** Where a window begins that has something in the middle; at the ends, it has more on the other side. */
function centre(lines: readonly Line[], index: number, length: number): number {
  return Math.max(0, Math.min(index - Math.floor(length / 2), lines.length - length));
}

/** A line as it is shown. */
function view({ run: _, seq: __, ...line }: Placed): Line {
  return line;
}

/** A player's line with what is said of it alone. */
function single(board: string, standings: Standings, player: string): object | undefined {
  const { lines } = standings;
  const index = lines.findIndex(line => line.player === player);
  const line = lines[index];
  if (!line) return undefined;
  const matched = lines.filter((other, i) => i > index || other.score === line.score);
  const percentile = expect.closeTo((100 * matched.length) / lines.length, 1.9);
  return { ...frame(board, standings), ...view(line), percentile };
}
