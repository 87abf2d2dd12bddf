import type { BoardDefinition, EventId } from '#libs/events';

/** 64 characters in the order of their bytes. Redis orders members with equal scores by bytes. */
const ALPHABET = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const MS_DIGITS = 8; // 48 bits: until the year 10889
const SEQ_DIGITS = 6; // 36 bits: if the clock is set back, Redis keeps the millisecond and counts the sequence number up

/** The length of an order in characters. */
export const ORDER_LENGTH = MS_DIGITS + SEQ_DIGITS;

/**
 * Encodes an event id as text. The text of a later event is smaller.
 *
 * A leaderboard is read from the top of the sorted set, where of two members with equal scores the greater one comes first.
 * So a member that begins with the order ranks higher if its score was reached earlier. The score stays a full double.
 */
export function orderOf(run: EventId): string {
  return digitsOf(run.ms, MS_DIGITS, 63) + digitsOf(run.seq, SEQ_DIGITS, 63);
}

/** Like `orderOf`, but the text of a later event is greater. */
function upwardOrderOf(run: EventId): string {
  return digitsOf(run.ms, MS_DIGITS, 0) + digitsOf(run.seq, SEQ_DIGITS, 0);
}

/** Decodes the order at the beginning of a text. */
export function runOf(text: string): EventId {
  return { ms: countUp(text, 0, MS_DIGITS), seq: countUp(text, MS_DIGITS, ORDER_LENGTH) };
}

/** The length of the prefix before the player in a member of the sorted set. */
export const prefixLengthOf = (tieBreak: BoardDefinition['tieBreak']) =>
  tieBreak === 'none' ? 0 : ORDER_LENGTH;

/** The prefix before the player in a member of the sorted set. */
export const prefixOf: Readonly<Record<BoardDefinition['tieBreak'], (run: EventId) => string>> = {
  first: orderOf,
  last: upwardOrderOf,
  none: () => '',
};

/** @param flip 63 if greater values have smaller digits, else 0 */
function digitsOf(value: number, digits: number, flip: number): string {
  let text = '';
  for (let rest = value, i = 0; i < digits; i++, rest = Math.floor(rest / 64))
    text = ALPHABET[Math.abs(flip - (rest % 64))] + text;
  return text;
}

/** The value of each digit of `orderOf`, by character code. */
const VALUES = new Uint8Array(128);
for (const [i, digit] of [...ALPHABET].entries()) VALUES[digit.charCodeAt(0)] = 63 - i;

function countUp(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 64 + (VALUES[text.charCodeAt(i)] ?? 0);
  return value;
}
