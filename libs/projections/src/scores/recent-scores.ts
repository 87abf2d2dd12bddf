import { compareEventIds, type EventId, formatEventId, parseEventId } from '#libs/events';

/** How many of the latest scores a document shows. */
export const RECENT = 10;

/** A score with its event's id. */
export type ScoreRecord = readonly [id: string, score: number];

/**
 * The latest scores, newest first, at most `RECENT`: a JSON list of `ScoreRecord`. It stays text, for nearly every score
 * only goes in front of the others, and to read and write ten records for each event costs more than the rest of a fold.
 */
export type RecentScores = string;

export function recordsOf(recent: RecentScores): ScoreRecord[] {
  return JSON.parse(recent) as ScoreRecord[];
}

export function onlyRecent(id: EventId, score: number): RecentScores {
  return `[${recordOf(id, score)}]`;
}

/** @param count how many scores there were before this one, shown or not */
export function withRecent(recent: RecentScores, count: number, id: EventId, score: number): RecentScores {
  if (compareEventIds(newestIn(recent), id) >= 0) return withOlder(recent, id, score);
  const end = count < RECENT ? -1 : recent.lastIndexOf(',[');
  return `[${recordOf(id, score)},${recent.slice(1, end)}]`;
}

/** What two partitions have. */
export function mergeRecent(a: RecentScores, b: RecentScores): RecentScores {
  return JSON.stringify(newest([...recordsOf(a), ...recordsOf(b)]));
}

function withOlder(recent: RecentScores, id: EventId, score: number): RecentScores {
  return JSON.stringify(newest([...recordsOf(recent), [formatEventId(id), score]]));
}

function newest(records: readonly ScoreRecord[]): ScoreRecord[] {
  return records.toSorted(([x], [y]) => compareEventIds(parseEventId(y), parseEventId(x))).slice(0, RECENT);
}

const recordOf = (id: EventId, score: number) => `["${formatEventId(id)}",${JSON.stringify(score)}]`;

/** Behind `[["`. */
const NEWEST = 3;
const newestIn = (recent: RecentScores) => parseEventId(recent.slice(NEWEST, recent.indexOf('"', NEWEST)));
