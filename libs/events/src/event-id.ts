/**
 * The id of a stream entry: milliseconds of the server's clock, and a counter within them.
 *
 * Ids are ordered as two integers. As text they are not: `1-10` sorts before `1-9`.
 */
export interface EventId {
  /** Milliseconds since 1970, by the clock of the Redis that took the event. */
  readonly ms: number;
  /** Counts from 0 within one millisecond. */
  readonly seq: number;
}

const PATTERN = /^(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})$/;

/** @throws RangeError when the text is not `<ms>-<seq>` */
export function parseEventId(text: string): EventId {
  const match = PATTERN.exec(text);
  if (!match) throw new RangeError(`"${text}" is not an event id: expected <milliseconds>-<sequence>`);
  return { ms: Number(match[1]), seq: Number(match[2]) };
}

export function formatEventId(id: EventId): string {
  return `${id.ms}-${id.seq}`;
}

/** Negative when `a` came first, 0 when they are the same event, positive when `b` came first. */
export function compareEventIds(a: EventId, b: EventId): number {
  return a.ms - b.ms || a.seq - b.seq;
}
