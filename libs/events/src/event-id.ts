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

/** @throws RangeError when the text is not `<ms>-<seq>` */
export function parseEventId(text: string): EventId {
  const dash = text.indexOf('-');
  const ms = integer(text, 0, dash);
  const seq = integer(text, dash + 1, text.length);
  if (ms < 0 || seq < 0)
    throw new RangeError(`"${text}" is not an event id: expected <milliseconds>-<sequence>`);
  return { ms, seq };
}

/** The integer that a part of a text is, or -1. Every event of a replay comes through here: no regular expression. */
function integer(text: string, from: number, to: number): number {
  const length = to - from;
  if (length < 1 || length > 15 || (length > 1 && text[from] === '0')) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

export function formatEventId(id: EventId): string {
  return `${id.ms}-${id.seq}`;
}

/** Negative when `a` came first, 0 when they are the same event, positive when `b` came first. */
export function compareEventIds(a: EventId, b: EventId): number {
  return a.ms - b.ms || a.seq - b.seq;
}
