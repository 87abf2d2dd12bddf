import { compareEventIds, formatEventId, parseEventId, type RecordedEvent } from '#libs/events';

type ScoreEvent = RecordedEvent<'ScoreSubmitted'>;

/** How many of the latest scores a document shows. */
export const RECENT = 10;

/** A score with its event's id, and the event's time in milliseconds where that is not its id's. */
export type ScoreRecord = readonly [id: string, score: number, at?: number];

/**
 * The latest scores, newest first, at most `RECENT`: a JSON list of `ScoreRecord`. It stays text, for nearly every score
 * only goes in front of the others, and to read and write ten records for each event costs more than the rest of a fold.
 */
export type RecentScores = string;

export function recordsOf(recent: RecentScores): ScoreRecord[] {
  return JSON.parse(recent) as ScoreRecord[];
}

export function onlyRecent(event: ScoreEvent): RecentScores {
  return `[${recordOf(event)}]`;
}

/** @param count how many scores there were before this one, shown or not */
export function withRecent(recent: RecentScores, count: number, event: ScoreEvent): RecentScores {
  if (compareEventIds(newestIn(recent), event.id) >= 0) return withOlder(recent, event);
  const end = count < RECENT ? -1 : recent.lastIndexOf(',[');
  return `[${recordOf(event)},${recent.slice(1, end)}]`;
}

/** What two partitions have. */
export function mergeRecent(a: RecentScores, b: RecentScores): RecentScores {
  return JSON.stringify(newest([...recordsOf(a), ...recordsOf(b)]));
}

function withOlder(recent: RecentScores, event: ScoreEvent): RecentScores {
  return JSON.stringify(newest([...recordsOf(recent), JSON.parse(recordOf(event)) as ScoreRecord]));
}

function newest(records: readonly ScoreRecord[]): ScoreRecord[] {
  return records.toSorted(([x], [y]) => compareEventIds(parseEventId(y), parseEventId(x))).slice(0, RECENT);
}

const recordOf = ({ id, at, data: { score } }: ScoreEvent) =>
  `["${formatEventId(id)}",${JSON.stringify(score)}${at === undefined ? '' : `,${at}`}]`;

/** Behind `[["`. */
const NEWEST = 3;
const newestIn = (recent: RecentScores) => parseEventId(recent.slice(NEWEST, recent.indexOf('"', NEWEST)));
