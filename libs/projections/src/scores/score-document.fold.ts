import { compareEventIds, type EventId, type RecordedEvent } from '#libs/events';
import { add, type ExactSum, exact } from '../exact-sum.js';

/** How many of the latest scores a document shows. */
export const RECENT = 10;

export interface ScoreRecord {
  readonly id: EventId;
  readonly score: number;
}

/** What one player did on one board. */
export interface BoardScores {
  readonly count: number;
  readonly highest: number;
  readonly lowest: number;
  readonly sum: ExactSum;
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  /** The latest scores, newest first, at most `RECENT`. */
  readonly recent: readonly ScoreRecord[];
}

/** What became of one player on one board. */
export interface ScoresState {
  /** How many revocations came before the scores that count. */
  readonly epoch: number;
  /** Nothing when all were revoked. */
  readonly scores?: BoardScores;
}

/** As on leaderboards, the scores since the last revocation count, and each says itself which that is. */
export function evolveScores(
  state: ScoresState | undefined,
  event: RecordedEvent<'ScoreSubmitted' | 'EntryRevoked'>,
): ScoresState {
  const epoch = event.version ?? 0;
  const current = state && state.epoch >= epoch ? state : { epoch };
  if (event.type === 'EntryRevoked' || current.epoch > epoch) return current;
  return { epoch, scores: addScore(current.scores, event) };
}

function addScore(
  scores: BoardScores | undefined,
  { id, data }: RecordedEvent<'ScoreSubmitted'>,
): BoardScores {
  const { score } = data;
  const record = { id, score };
  if (!scores) {
    const only = { highest: score, lowest: score, sum: exact(score) };
    return { count: 1, ...only, firstAt: id.ms, recent: [record] };
  }
  return {
    count: scores.count + 1,
    highest: Math.max(scores.highest, score),
    lowest: Math.min(scores.lowest, score),
    sum: add(scores.sum, exact(score)),
    firstAt: Math.min(scores.firstAt, id.ms),
    recent: withRecord(scores.recent, record),
  };
}

/** Nearly every score is newer than all that are known. */
function withRecord(recent: readonly ScoreRecord[], record: ScoreRecord): ScoreRecord[] {
  const place = recent.findIndex(({ id }) => compareEventIds(id, record.id) < 0);
  const kept = place < 0 ? [...recent, record] : recent.toSpliced(place, 0, record);
  return kept.slice(0, RECENT);
}
