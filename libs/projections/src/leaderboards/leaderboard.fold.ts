import { type Attributes, compareEventIds, type EventId, type RecordedEvent } from '#libs/events';

/** A player's line on a board: the run that counts. */
export interface BoardEntry {
  readonly score: number;
  /** The event in which the player reached the score. */
  readonly run: EventId;
  /** The attributes of that run, never of another. */
  readonly attributes?: Attributes;
}

/** The higher score counts; of equal scores, the one that was reached first. */
export function evolveEntry(
  entry: BoardEntry | undefined,
  event: RecordedEvent<'ScoreSubmitted'>,
): BoardEntry {
  const { score, attributes } = event.data;
  if (entry && !beats(score, event.id, entry)) return entry;
  return { score, run: event.id, ...(attributes && { attributes }) };
}

function beats(score: number, run: EventId, entry: BoardEntry): boolean {
  return score > entry.score || (score === entry.score && compareEventIds(run, entry.run) < 0);
}
