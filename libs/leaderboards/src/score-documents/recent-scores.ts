import { compareEventIds, formatEventId, parseEventId, type RecordedEvent } from '#libs/events';

type ScoreEvent = RecordedEvent<'ScoreSubmitted'>;

export const MAX_RECENT_SCORES = 10;

/** A score, the id of its event, and the time of the event (ms) if the id has another time. */
export type ScoreRecord = readonly [id: string, score: number, at?: number];

/**
 * The latest scores, newest first, at most `MAX_RECENT_SCORES`: a JSON list of `ScoreRecord`. It is kept as text. Almost every
 * score is only put in front, and parsing and formatting ten records per event would cost more than the rest of the fold.
 */
export type RecentScores = string;

export function recordsOf(recent: RecentScores): ScoreRecord[] {
  return JSON.parse(recent) as ScoreRecord[];
}

export function onlyRecent(event: ScoreEvent): RecentScores {
  return `[${recordOf(event)}]`;
}

/** @param count the number of all scores before this one */
export function withRecent(recent: RecentScores, count: number, event: ScoreEvent): RecentScores {
  if (compareEventIds(newestIn(recent), event.id) >= 0) return withOlder(recent, event);
  const end = count < MAX_RECENT_SCORES ? -1 : recent.lastIndexOf(',[');
  return `[${recordOf(event)},${recent.slice(1, end)}]`;
}

/** Merges the recent scores of two partitions. */
export function mergeRecent(a: RecentScores, b: RecentScores): RecentScores {
  return JSON.stringify(newest([...recordsOf(a), ...recordsOf(b)]));
}

function withOlder(recent: RecentScores, event: ScoreEvent): RecentScores {
  return JSON.stringify(newest([...recordsOf(recent), JSON.parse(recordOf(event)) as ScoreRecord]));
}

function newest(records: readonly ScoreRecord[]): ScoreRecord[] {
  return records
    .toSorted(([x], [y]) => compareEventIds(parseEventId(y), parseEventId(x)))
    .slice(0, MAX_RECENT_SCORES);
}

const recordOf = ({ id, at, data: { score } }: ScoreEvent) =>
  `["${formatEventId(id)}",${JSON.stringify(score)}${at === undefined ? '' : `,${at}`}]`;

/** The first id comes after `[["`. */
const NEWEST_ID_START = 3;
const newestIn = (recent: RecentScores) =>
  parseEventId(recent.slice(NEWEST_ID_START, recent.indexOf('"', NEWEST_ID_START)));
