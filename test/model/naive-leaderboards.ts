import { beginningOf, nextPeriod, periodBefore, periodOf, type Reset } from './naive-calendar.js';

export type Attribute = string | number | boolean;

/** What is sent to define a board: what is left out has its default. */
export interface Definition {
  readonly order?: 'desc' | 'asc';
  readonly operator?: 'best' | 'latest' | 'sum';
  readonly tieBreak?: 'first' | 'last' | 'none';
  readonly ranking?: 'standard' | 'dense' | 'ordinal';
  readonly reset?: Reset;
  readonly timezone?: string;
  readonly keepPeriods?: number;
  readonly source?: string;
  readonly filter?: Readonly<Record<string, Attribute | readonly Attribute[]>>;
  readonly min?: number;
  readonly max?: number;
  readonly submit?: 'players' | 'servers';
  readonly maxEntries?: number;
  readonly minInterval?: number;
  readonly shards?: number;
}

const DEFAULTS = {
  order: 'desc',
  operator: 'best',
  tieBreak: 'first',
  ranking: 'standard',
  submit: 'players',
} as const;
const RESET_DEFAULTS = { timezone: 'UTC', keepPeriods: 100 };

export interface Score {
  readonly what: 'score';
  /** When it was appended, in ms since 1970. */
  readonly at: number;
  /** Which of those it is that were appended to its partition at that time. */
  readonly seq?: number;
  readonly board: string;
  readonly player: string;
  readonly score: number;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** What was acknowledged. */
export type Happening =
  | Score
  | { readonly what: 'revocation'; readonly board: string; readonly player: string }
  | { readonly what: 'definition'; readonly board: string; readonly definition: Definition }
  | { readonly what: 'removal'; readonly board: string }
  | { readonly what: 'ban' | 'unban'; readonly player: string };

/** A player's line on a board. */
export interface Line {
  readonly rank: number;
  readonly player: string;
  readonly score: number;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly achievedAt: string;
}

/** A line, and what it is placed by: its score, when it got there, its player. */
export interface Placed extends Line {
  /** Where in all that happened the run is that counts. */
  readonly run: number;
  /** Which it is of those at its time in its partition: where they are several, that is what the log knows. */
  readonly seq: number;
}

/** One of a board's periods. */
export interface Standings {
  readonly period: string;
  /** When it begins, when the next one begins, and the period before if it is kept. Not of a board without resets. */
  readonly calendar?: { readonly startsAt: string; readonly endsAt: string; readonly previous?: string };
  readonly lines: readonly Placed[];
}

type Run = Score & { readonly run: number };

/** Leaderboards on a blackboard: a list of all that ever happened, and everything worked out anew from it. */
export class NaiveLeaderboards {
  /** In the order in which it was acknowledged. */
  constructor(readonly history: Happening[] = []) {}

  /** As `GET /v1/leaderboards/{board}` shows it. */
  definitionOf(board: string, history: readonly Happening[] = this.history) {
    const last = history.findLast(
      event => (event.what === 'definition' || event.what === 'removal') && event.board === board,
    );
    const given: Definition = last?.what === 'definition' ? last.definition : {};
    return { ...DEFAULTS, ...(given.reset && RESET_DEFAULTS), ...given };
  }

  exists(board: string): boolean {
    const last = this.history.findLast(event => event.what !== 'revocation' && isOf(event, board));
    return last?.what === 'definition' || last?.what === 'score';
  }

  /** @returns the status of the refusal, or nothing when the score is accepted */
  refusalOfScore({ board, player, score }: Omit<Score, 'what' | 'at'>): 409 | 422 | 429 | undefined {
    const { source, min = -Infinity, max = Infinity, minInterval } = this.definitionOf(board);
    if (source !== undefined) return 409;
    if (Math.abs(score) > Number.MAX_SAFE_INTEGER || score < min || score > max) return 422;
    return minInterval !== undefined && this.submittedInAnInterval(board, player) ? 429 : undefined;
  }

  /** @returns the status of the refusal, or nothing when the definition is accepted */
  refusalOfDefinition(board: string, definition: Definition): 400 | 409 | undefined {
    const { source, shards, ranking } = definition;
    if (source === board || (shards !== undefined && (source !== undefined || ranking === 'dense')))
      return 400;
    if (!this.canHaveShards(board, shards)) return 409;
    if (source === undefined) return undefined;
    const counted = this.definitionOf(source);
    const isDense = ranking === 'dense' && counted.shards !== undefined;
    return counted.source !== undefined || isDense || this.isCounted(board) ? 409 : undefined;
  }

  /** They are chosen when a board is defined first, before it has scores. */
  private canHaveShards(board: string, shards: number | undefined): boolean {
    const last = this.history.findLastIndex(
      ({ what, ...event }) =>
        (what === 'definition' || what === 'removal') && 'board' in event && event.board === board,
    );
    if (this.history[last]?.what === 'definition') return this.definitionOf(board).shards === shards;
    const later = this.history.slice(last + 1);
    const isScored = later.some(event => event.what === 'score' && event.board === board);
    return shards === undefined || !(isScored || this.isCounted(board));
  }

  /** @returns the status of the refusal, or nothing when the board can be removed */
  refusalOfRemoval(board: string): 404 | 409 | undefined {
    if (this.isCounted(board)) return 409;
    return this.exists(board) ? undefined : 404;
  }

  /** @returns the status of the refusal, or nothing when scores on the board can be revoked */
  refusalOfRevocation(board: string): 409 | undefined {
    return this.definitionOf(board).source === undefined ? undefined : 409;
  }

  /**
   * @param asked `current`, `previous`, or a period's id
   * @returns the status of the refusal when there is no such period, or not any more
   */
  standings(board: string, asked: string, now: number): Standings | 400 | 404 {
    const { reset, timezone = 'UTC' } = this.definitionOf(board);
    if (!reset) return asked === 'current' ? { period: asked, lines: this.lines(board, asked) } : 400;
    const moment = this.momentIn(board, asked, now);
    const period = periodOf(moment, reset, timezone);
    if (this.isExpired(board, period, now)) return 404;
    const previous = periodBefore(moment, reset, timezone);
    const calendar = {
      startsAt: new Date(beginningOf(moment, reset, timezone)).toISOString(),
      endsAt: new Date(nextPeriod(moment, reset, timezone)).toISOString(),
      ...(!this.isExpired(board, previous, now) && { previous }),
    };
    return { period, calendar, lines: this.lines(board, period) };
  }

  /** A moment in the period that is asked for. */
  private momentIn(board: string, asked: string, now: number): number {
    const { reset = 'daily', timezone = 'UTC' } = this.definitionOf(board);
    if (asked === 'current') return now;
    if (asked === 'previous') return beginningOf(now, reset, timezone) - 1;
    let moment = now;
    while (periodOf(moment, reset, timezone) > asked) moment = beginningOf(moment, reset, timezone) - 1;
    return moment;
  }

  /** The lines below where one stands, or stood: what comes on the next page. */
  linesBelow(board: string, period: string, place: Placed): Placed[] {
    return this.lines(board, period).filter(line => this.order(board)(place, line) < 0);
  }

  /** How many of a board's lines have a better score. */
  linesAbove(board: string, lines: readonly Line[], score: number): number {
    const { order } = this.definitionOf(board);
    return lines.filter(line => (order === 'desc' ? line.score > score : line.score < score)).length;
  }

  /** In their order. A period has scores from its first one on, whatever becomes of it. */
  periodsWithScores(board: string): string[] {
    return [...new Set(this.scoresOf(board).map(score => this.periodOf(board, score)))].sort();
  }

  /** Whether it is older than the newest periods with scores, of which the board keeps one more than `keepPeriods`. */
  private isExpired(board: string, period: string, now: number): boolean {
    const { keepPeriods = 0, reset = 'daily', timezone = 'UTC' } = this.definitionOf(board);
    if (keepPeriods === 0) return period < periodOf(now, reset, timezone);
    const kept = this.periodsWithScores(board).slice(-1 - keepPeriods);
    return kept.length > keepPeriods && period < (kept[0] as string);
  }

  private periodOf(board: string, { at }: Score): string {
    const { reset, timezone = 'UTC' } = this.definitionOf(board);
    return reset ? periodOf(at, reset, timezone) : 'current';
  }

  /** The board from the top. */
  private lines(board: string, period: string): Placed[] {
    const { ranking, maxEntries } = this.definitionOf(board);
    const entries = this.entries(board, period).sort(this.order(board)).slice(0, maxEntries);
    const ranks = ranksOf(entries, ranking);
    return entries.map((entry, index) => ({ rank: ranks[index] ?? 0, ...entry }));
  }

  /** Negative when the first of two stands higher. */
  private order(board: string) {
    const { order, tieBreak } = this.definitionOf(board);
    return (a: Omit<Placed, 'rank'>, b: Omit<Placed, 'rank'>): number => {
      if (a.score !== b.score) return order === 'desc' ? b.score - a.score : a.score - b.score;
      const byPlayer = Buffer.compare(Buffer.from(b.player), Buffer.from(a.player));
      if (tieBreak === 'none') return byPlayer;
      const later = Date.parse(a.achievedAt) - Date.parse(b.achievedAt) || a.seq - b.seq;
      return (tieBreak === 'first' ? later : -later) || byPlayer;
    };
  }

  private entries(board: string, period: string): Omit<Placed, 'rank'>[] {
    const runs = this.scoresOf(board)
      .filter(score => !this.isRevoked(score) && !this.isBanned(score.player))
      .filter(score => this.periodOf(board, score) === period);
    return [...new Set(runs.map(({ player }) => player))].map(player => {
      const {
        run,
        score,
        attributes,
        at,
        seq = run,
      } = this.combine(
        board,
        runs.filter(own => own.player === player),
      );
      return {
        run,
        seq,
        player,
        score,
        ...(attributes && { attributes }),
        achievedAt: new Date(at).toISOString(),
      };
    });
  }

  /** What several runs of one player make together. */
  private combine(board: string, runs: readonly Run[]): Run {
    const { order, operator } = this.definitionOf(board);
    const best = runs.reduce((one, next) =>
      (order === 'desc' ? next.score > one.score : next.score < one.score) ? next : one,
    );
    const latest = runs.reduce((_, next) => next);
    const sum = exactSum(runs.map(({ score }) => score));
    return { best, latest, sum: { ...latest, score: sum } }[operator];
  }

  /** All scores that the board counts, or counted until they were revoked. */
  private scoresOf(board: string): Run[] {
    const { source = board, filter = {} } = this.definitionOf(board);
    const removed = this.history.findLastIndex(event => event.what === 'removal' && event.board === source);
    return (
      this.history
        .map((event, run) => ({ ...event, run }))
        .filter(event => event.what === 'score')
        .filter(event => event.board === source && event.run > removed)
        .filter(({ attributes = {} }) =>
          Object.entries(filter).every(([name, wanted]) =>
            [wanted].flat().includes(attributes[name] as Attribute),
          ),
        )
        // There is one zero only.
        .map(event => ({ ...event, score: event.score + 0 }))
    );
  }

  private isRevoked({ run, board, player }: Run): boolean {
    return this.history
      .slice(run)
      .some(event => event.what === 'revocation' && event.board === board && event.player === player);
  }

  private isBanned(player: string): boolean {
    const last = this.history.findLast(
      event => (event.what === 'ban' || event.what === 'unban') && event.player === player,
    );
    return last?.what === 'ban';
  }

  /** Whether other boards count this one's scores. */
  private isCounted(board: string): boolean {
    const boards = new Set(this.history.flatMap(event => ('board' in event ? event.board : [])));
    return [...boards].some(other => this.definitionOf(other).source === board);
  }

  /** Intervals last an hour here, so one that a score ever began still lasts. Scores without one begin none. */
  private submittedInAnInterval(board: string, player: string): boolean {
    return this.history.some(
      (event, index) =>
        event.what === 'score' &&
        event.board === board &&
        event.player === player &&
        this.definitionOf(board, this.history.slice(0, index)).minInterval !== undefined,
    );
  }
}

/** What numbers entries get that are in their order. */
export function ranksOf(
  entries: readonly { readonly score: number }[],
  ranking: 'standard' | 'dense' | 'ordinal',
): number[] {
  return entries.map(({ score }, index) => {
    const higher = entries.slice(0, index).filter(other => other.score !== score);
    if (ranking === 'standard') return 1 + higher.length;
    return ranking === 'dense' ? 1 + new Set(higher.map(other => other.score)).size : 1 + index;
  });
}

const isOf = (event: Happening, board: string) => 'board' in event && event.board === board;

/** Scores of the model have at most 80 binary places: so many times greater, they are integers. */
const UNIT = 2 ** 80;

function exactSum(scores: readonly number[]): number {
  return Number(scores.reduce((sum, score) => sum + BigInt(score * UNIT), 0n)) / UNIT;
}
