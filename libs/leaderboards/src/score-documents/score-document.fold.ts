import { type RecordedEvent, timeOf } from '#libs/events';
import { add, type ExactSum, exact } from '../ranking/exact-sum.js';
import { mergeRecent, onlyRecent, type RecentScores, withRecent } from './recent-scores.js';

/** The scores of one player on one board. */
export interface BoardScores {
  readonly count: number;
  readonly highest: number;
  readonly lowest: number;
  readonly sum: ExactSum;
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  readonly recent: RecentScores;
}

/** The state of one player on one board. */
export interface ScoresState {
  /** The number of revocations before the scores that count. */
  readonly epoch: number;
  /** Undefined if all scores were revoked. */
  readonly scores?: BoardScores;
}

/** As on leaderboards, only scores after the last revocation count. Each score contains the number of revocations before it. */
export function evolveScores(
  state: ScoresState | undefined,
  event: RecordedEvent<'ScoreSubmitted' | 'EntryRevoked'>,
): ScoresState {
  const epoch = event.version ?? 0;
  const current = state && state.epoch >= epoch ? state : { epoch };
  if (event.type === 'EntryRevoked' || current.epoch > epoch) return current;
  return { epoch, scores: addScore(current.scores, event) };
}

function addScore(scores: BoardScores | undefined, event: RecordedEvent<'ScoreSubmitted'>): BoardScores {
  const { score } = event.data;
  if (!scores) {
    const only = { highest: score, lowest: score, sum: exact(score) };
    return { count: 1, ...only, firstAt: timeOf(event), recent: onlyRecent(event) };
  }
  return {
    count: scores.count + 1,
    highest: Math.max(scores.highest, score),
    lowest: Math.min(scores.lowest, score),
    sum: add(scores.sum, exact(score)),
    firstAt: Math.min(scores.firstAt, timeOf(event)),
    recent: withRecent(scores.recent, scores.count, event),
  };
}

/** Combines the scores that two partitions have of one player on one board. */
export function mergeScores(a: BoardScores, b: BoardScores): BoardScores {
  return {
    count: a.count + b.count,
    highest: Math.max(a.highest, b.highest),
    lowest: Math.min(a.lowest, b.lowest),
    sum: add(a.sum, b.sum),
    firstAt: Math.min(a.firstAt, b.firstAt),
    recent: mergeRecent(a.recent, b.recent),
  };
}
