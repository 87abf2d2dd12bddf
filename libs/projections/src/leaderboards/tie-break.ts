import type { EventId } from '#libs/events';

/** Redis breaks ties by the bytes of the member; these 64 characters are in the order of their bytes. */
const DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';
const MS_DIGITS = 8; // 48 bits: until the year 10889
const SEQ_DIGITS = 6; // 36 bits: Redis counts on within one millisecond when the clock is set back

/** Length of an order, in characters. */
export const ORDER_LENGTH = MS_DIGITS + SEQ_DIGITS;

/**
 * What stands before the player in a member of the sorted set, so that of two equal scores the one that was
 * reached first stands higher. Read from the top, greater members come first: time counts down.
 *
 * The score itself stays a full double: nothing is packed into it.
 */
export function orderOf(run: EventId): string {
  return countDown(run.ms, MS_DIGITS) + countDown(run.seq, SEQ_DIGITS);
}

/** The event that an order was made of. */
export function runOf(order: string): EventId {
  return { ms: countUp(order.slice(0, MS_DIGITS)), seq: countUp(order.slice(MS_DIGITS, ORDER_LENGTH)) };
}

function countDown(value: number, digits: number): string {
  let text = '';
  for (let rest = value, i = 0; i < digits; i++, rest = Math.floor(rest / 64))
    text = DIGITS[63 - (rest % 64)] + text;
  return text;
}

function countUp(text: string): number {
  let value = 0;
  for (const digit of text) value = value * 64 + 63 - DIGITS.indexOf(digit);
  return value;
}
