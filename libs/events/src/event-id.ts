import { wholeNumber } from './whole-number.js';

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
  const ms = wholeNumber(text, 0, dash);
  const seq = wholeNumber(text, dash + 1, text.length);
  if (ms < 0 || seq < 0)
    throw new RangeError(`"${text}" is not an event id: expected <milliseconds>-<sequence>`);
  return { ms, seq };
}

/** Many events are of the same millisecond, and thirteen digits are slow to make. */
let latest = { ms: 0, text: '0-' };

export function formatEventId({ ms, seq }: EventId): string {
  if (ms !== latest.ms) latest = { ms, text: `${ms}-` };
  return latest.text + seq;
}

/** Negative when `a` came first, 0 when they are the same event, positive when `b` came first. */
export function compareEventIds(a: EventId, b: EventId): number {
  return a.ms - b.ms || a.seq - b.seq;
}
