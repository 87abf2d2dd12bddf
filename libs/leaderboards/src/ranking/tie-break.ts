import type { BoardDefinition, EventId } from '#libs/events';

/** Redis breaks ties by the bytes of the member; these 64 characters are in the order of their bytes. */
const DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const MS_DIGITS = 8; // 48 bits: until the year 10889
const SEQ_DIGITS = 6; // 36 bits: Redis counts on within one millisecond when the clock is set back

/** Length of an order, in characters. */
export const ORDER_LENGTH = MS_DIGITS + SEQ_DIGITS;

/**
 * An event as text that sorts before that of an earlier event: time counts down.
 *
 * Read from the top, greater members of a sorted set come first: a member that begins so stands higher, of two with
 * equal scores, when its score was reached first. The score itself stays a full double: nothing is packed into it.
 */
export function orderOf(run: EventId): string {
  return digitsOf(run.ms, MS_DIGITS, 63) + digitsOf(run.seq, SEQ_DIGITS, 63);
}

/** As `orderOf`, but time counts up. */
function upwardOrderOf(run: EventId): string {
  return digitsOf(run.ms, MS_DIGITS, 0) + digitsOf(run.seq, SEQ_DIGITS, 0);
}

/** The event that the order was made of which a text begins with. */
export function runOf(text: string): EventId {
  return { ms: countUp(text, 0, MS_DIGITS), seq: countUp(text, MS_DIGITS, ORDER_LENGTH) };
}

/** How many characters stand before the player in a member of the sorted set. */
export const prefixLengthOf = (tieBreak: BoardDefinition['tieBreak']) =>
  tieBreak === 'none' ? 0 : ORDER_LENGTH;

/** What stands before the player in a member of the sorted set. */
export const prefixOf: Readonly<Record<BoardDefinition['tieBreak'], (run: EventId) => string>> = {
  first: orderOf,
  last: upwardOrderOf,
  none: () => '',
};

/** @param flip 63 for digits that count down, 0 for those that count up */
function digitsOf(value: number, digits: number, flip: number): string {
  let text = '';
  for (let rest = value, i = 0; i < digits; i++, rest = Math.floor(rest / 64))
    text = DIGITS[Math.abs(flip - (rest % 64))] + text;
  return text;
}

/** By the code of a character, what a digit that counts down stands for. */
const VALUES = new Uint8Array(128);
for (const [i, digit] of [...DIGITS].entries()) VALUES[digit.charCodeAt(0)] = 63 - i;

function countUp(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 64 + (VALUES[text.charCodeAt(i)] ?? 0);
  return value;
}
