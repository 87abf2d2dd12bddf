import {
  type Attributes,
  type BoardDefinition,
  compareEventIds,
  type EventId,
  type RecordedEvent,
} from '#libs/events';
import { add, type ExactSum, exact, toNumber } from './exact-sum.js';

/** A player's line on a board: the run that counts. */
export interface BoardEntry {
  /** With `sum`, the nearest double to the total. */
  readonly score: number;
  /** The event in which the player reached the score. */
  readonly run: EventId;
  /** When, in milliseconds, where that is not the time of the event's id. */
  readonly at?: number;
  /** The attributes of that run, never of another. */
  readonly attributes?: Attributes;
  /** On a board that sums: of how many scores, and exactly what. */
  readonly total?: { readonly count: number; readonly sum: ExactSum };
  /** How many revocations came before the scores that count. */
  readonly epoch: number;
}

type Score = RecordedEvent<'ScoreSubmitted'>;

/**
 * The scores since the last revocation make the entry. Each score says how many came before it, so a score that
 * arrives before its revocation is as good a witness, and one that arrives long after it is not counted.
 */
export function evolveEntry(
  entry: BoardEntry | undefined,
  event: Score,
  definition: BoardDefinition,
): BoardEntry {
  const { version: epoch = 0 } = event;
  if (entry && entry.epoch > epoch) return entry;
  const current = entry?.epoch === epoch ? entry : undefined;
  return combine[definition.operator](current, event, definition);
}

const combine: Readonly<
  Record<
    BoardDefinition['operator'],
    (entry: BoardEntry | undefined, event: Score, definition: BoardDefinition) => BoardEntry
  >
> = {
  /** Of equal scores, the one that was reached first counts. */
  best: (entry, event, { order }) => {
    if (!entry) return reached(event);
    const { score } = event.data;
    const better = order === 'desc' ? score > entry.score : score < entry.score;
    const sooner = score === entry.score && compareEventIds(event.id, entry.run) < 0;
    return better || sooner ? reached(event) : entry;
  },
  latest: (entry, event) => (entry && compareEventIds(event.id, entry.run) <= 0 ? entry : reached(event)),
  sum: (entry, event) => {
    const score = exact(event.data.score);
    const { count, sum } = entry?.total ?? { count: 0, sum: exact(0) };
    const total = { count: count + 1, sum: add(sum, score) };
    const latest = entry && compareEventIds(event.id, entry.run) < 0 ? entry : reached(event);
    return { ...latest, score: toNumber(total.sum), total };
  },
};

function reached({ id, at, version, data: { score, attributes } }: Score): BoardEntry {
  const entry = { score, run: id, epoch: version ?? 0 };
  if (!attributes && at === undefined) return entry;
  return { ...entry, ...(at !== undefined && { at }), ...(attributes && { attributes }) };
}
