import { parseWholeNumber } from './whole-number.js';

/**
 * The id of a stream entry. Compare ids with `compareEventIds`, never as text: as text, `1-10` sorts before `1-9`.
 */
export interface EventId {
  /** Milliseconds since 1970, by the clock of the Redis server. */
  readonly ms: number;
  /** A counter within the millisecond, from 0. */
  readonly seq: number;
}

/** @throws RangeError when the text is not `<ms>-<seq>` */
export function parseEventId(text: string): EventId {
  const dash = text.indexOf('-');
  const ms = parseWholeNumber(text, 0, dash);
  const seq = parseWholeNumber(text, dash + 1, text.length);
  if (ms < 0 || seq < 0)
    throw new RangeError(`"${text}" is not an event id: expected <milliseconds>-<sequence>`);
  return { ms, seq };
}

/** Formatting 13 digits is slow, and consecutive ids often share the millisecond. */
let cachedPrefix = { ms: 0, text: '0-' };

export function formatEventId({ ms, seq }: EventId): string {
  if (ms !== cachedPrefix.ms) cachedPrefix = { ms, text: `${ms}-` };
  return cachedPrefix.text + seq;
}

/** Accepts ids that no event can have: another program may have added the entry, and a bound of a range can be any. */
export function parseAnyEntryId(text: string): EventId {
  const [ms = 0, seq = 0] = text.split('-').map(Number);
  return { ms, seq };
}

/** Whether one id, as text, is older than another. */
export const isOlderId = (a: string, b: string): boolean =>
  compareEventIds(parseEventId(a), parseEventId(b)) < 0;

/** A comparator for `sort`: negative when `a` is older than `b`, 0 when they are equal. */
export function compareEventIds(a: EventId, b: EventId): number {
  return a.ms - b.ms || a.seq - b.seq;
}
