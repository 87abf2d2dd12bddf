import { compareEventIds, type EventId, type RecordedEvent } from '#libs/events';
import { add, type ExactSum, exact } from './exact-sum.js';

/** How many of the latest scores a document shows. */
export const RECENT = 10;

export interface ScoreRecord {
  readonly id: EventId;
  readonly score: number;
}

/** What one player did on one board. */
export interface BoardScores {
  readonly count: number;
  readonly best: number;
  readonly sum: ExactSum;
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  /** The latest scores, newest first, at most `RECENT`. */
  readonly recent: readonly ScoreRecord[];
}

export function evolveScores(
  scores: BoardScores | undefined,
  { id, data }: RecordedEvent<'ScoreSubmitted'>,
): BoardScores {
  const { score } = data;
  const record = { id, score };
  if (!scores) return { count: 1, best: score, sum: exact(score), firstAt: id.ms, recent: [record] };
  return {
    count: scores.count + 1,
    best: Math.max(scores.best, score),
    sum: add(scores.sum, exact(score)),
    firstAt: Math.min(scores.firstAt, id.ms),
    recent: [...scores.recent, record].sort((a, b) => compareEventIds(b.id, a.id)).slice(0, RECENT),
  };
}
