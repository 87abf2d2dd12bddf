/**
 * Functions that read JSON character by character. Their time grows with the length of the text only. Those that only count also
 * accept invalid JSON.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;
const BLANK = 0x20;

/** The first position from `at` on that is not white space. JSON has no white space above U+0020. */
export function afterSpace(json: string, at: number): number {
  let end = at;
  while (json.charCodeAt(end) <= BLANK) end++;
  return end;
}

/** The position after a string. @param at the position of its first quote */
export function afterString(json: string, at: number): number {
  for (let end = at + 1; end < json.length; end++) {
    const code = json.charCodeAt(end);
    if (code === BACKSLASH) end++;
    else if (code === QUOTE) return end + 1;
  }
  return json.length;
}

/** The position after a number, `true`, `false` or `null`. @param at the position of its first character */
export function afterWord(json: string, at: number): number {
  for (let end = at; end < json.length; end++) {
    const code = json.charCodeAt(end);
    if (code <= BLANK || code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT) return end;
  }
  return json.length;
}

/** The value of a string literal. */
export const stringMeant = (written: string): string =>
  written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);

/** The deepest nesting of brackets. */
export function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = afterString(json, at) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) depth--;
  }
  return deepest;
}

/** Whether there are more fields and items than the limit. It counts commas, and parses nothing. */
export function hasMoreValues(json: string, limit: number): boolean {
  let commas = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = afterString(json, at) - 1;
    else if (code === COMMA && ++commas >= limit) return true;
  }
  return false;
}

/** The position after a value. @param at the position of its first character */
export function afterValue(json: string, at: number): number {
  const first = json.charCodeAt(at);
  if (first === QUOTE) return afterString(json, at);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) return afterWord(json, at);
  let depth = 0;
  for (let end = at; end < json.length; end++) {
    const code = json.charCodeAt(end);
    if (code === QUOTE) end = afterString(json, end) - 1;
    else if (code === OPEN_OBJECT || code === OPEN_LIST) depth++;
    else if ((code === CLOSE_OBJECT || code === CLOSE_LIST) && --depth === 0) return end + 1;
  }
  return json.length;
}

/** The next field name of an object and the position of its value; nothing at the end of the object. */
export function nextName(json: string, at: number): { written: string; value: number } | undefined {
  let begin = afterSpace(json, at);
  if (json.charCodeAt(begin) === COMMA) begin = afterSpace(json, begin + 1);
  if (json.charCodeAt(begin) !== QUOTE) return undefined;
  const end = afterString(json, begin);
  const colon = afterSpace(json, end);
  const value = afterSpace(json, json.charCodeAt(colon) === COLON ? colon + 1 : colon);
  return { written: json.slice(begin, end), value };
}
