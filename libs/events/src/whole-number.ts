/**
 * Parses `text` from index `from` to before `to` as a whole number of at most 15 digits without leading zeros.
 * It avoids regular expressions, because a replay calls it for every event.
 *
 * @returns -1 when the text is not such a number
 */
export function parseWholeNumber(text: string, from: number, to: number): number {
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
