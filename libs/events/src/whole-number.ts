/** The whole number of up to 15 digits that a part of a text is, or -1. Every event of a replay comes through here: no regular expression. */
export function wholeNumber(text: string, from: number, to: number): number {
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
