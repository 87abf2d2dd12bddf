/** Characters of a folded name that count, and that are compared with what is looked for. */
const MAX_FOLDED = 64;

/** Separators of Redis Search: white space and ASCII punctuation, but for the underscore. Emoji are letters. */
const SEPARATORS = /[\s!-/:-@[-^`{-~]+/;

/**
 * Text as it is compared: of one form (NFKC), without case (sharp s is ss, a final sigma a sigma), without characters
 * that nobody sees, and with one space where there were several. Accents stay, as in Redis Search.
 */
function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replaceAll('\u03c2', '\u03c3')
    .normalize('NFKC')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]+/gu, '');
}

/** A beginning of a name, as it is compared with names. Empty when there is nothing to be seen in it. */
export function foldPrefix(text: string): string {
  return [...fold(text).trimStart()].slice(0, MAX_FOLDED).join('');
}

/** The words of a text, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(fold(text).split(SEPARATORS))].filter(word => word !== '');
}

/** What a profile is found by. */
export function nameTexts(name: string | undefined): string[] {
  const folded = foldPrefix(name ?? '').trimEnd();
  return folded === '' ? [] : [folded];
}

/** Member of a sorted set of texts. Neither holds a NUL: by bytes, members go by text, then by player. */
export const memberOf = (text: string, player: string): string => `${text}\0${player}`;

export const playerOf = (member: string): string => member.slice(member.indexOf('\0') + 1);

/** Redis compares bytes, which are not in the order of JavaScript's text. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
