import {
  type Attributes,
  type BoardDefinition,
  compareEventIds,
  type EventId,
  type RecordedEvent,
} from '#libs/events';
import { add, type ExactSum, exact, toNumber } from './exact-sum.js';

/** A board entry: the run of a player that counts. */
export interface BoardEntry {
  /** On a board with the scoring rule `sum`, the double nearest to the total. */
  readonly score: number;
  /** The event in which the player reached the score. */
  readonly run: EventId;
  /** When the score was reached, in milliseconds since 1970, if the id of the event has another time. */
  readonly at?: number;
  /** The attributes of that run. */
  readonly attributes?: Attributes;
  /** On a board with the scoring rule `sum`: the number of scores, and the exact sum. */
  readonly total?: { readonly count: number; readonly sum: ExactSum };
  /** The number of revocations before the scores that count. */
  readonly epoch: number;
}

type Score = RecordedEvent<'ScoreSubmitted'>;

/**
 * Only scores after the last revocation count. Each score contains the number of revocations before it (`version`), so
 * scores and revocations can be delivered in any order.
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
  /** Of equal scores, the earlier one counts. */
  best: (entry, event, { order }) => {
    if (!entry) return entryOf(event);
    const { score } = event.data;
    const better = order === 'desc' ? score > entry.score : score < entry.score;
    const sooner = score === entry.score && compareEventIds(event.id, entry.run) < 0;
    return better || sooner ? entryOf(event) : entry;
  },
  latest: (entry, event) => (entry && compareEventIds(event.id, entry.run) <= 0 ? entry : entryOf(event)),
  sum: (entry, event) => {
    const score = exact(event.data.score);
    const { count, sum } = entry?.total ?? { count: 0, sum: exact(0) };
    const total = { count: count + 1, sum: add(sum, score) };
    const latest = entry && compareEventIds(event.id, entry.run) < 0 ? entry : entryOf(event);
    return { ...latest, score: toNumber(total.sum), total };
  },
};

function entryOf({ id, at, version, data: { score, attributes } }: Score): BoardEntry {
  const entry = { score, run: id, epoch: version ?? 0 };
  if (!attributes && at === undefined) return entry;
  return { ...entry, ...(at !== undefined && { at }), ...(attributes && { attributes }) };
}
