/** Only this many characters of a folded name are compared. */
const MAX_FOLDED = 64;

/** The separators of Redis Search: white space and ASCII punctuation except the underscore. Emoji are letters. */
const SEPARATORS = /[\s!-/:-@[-^`{-~]+/;

/**
 * Folds a text for comparison: normalized (NFKC), without case (sharp s becomes ss, a final sigma becomes sigma), without invisible
 * characters, and with single spaces. Accents stay, as in Redis Search.
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

/** Folds the beginning of a name. Empty if it has no visible character. */
export function foldPrefix(text: string): string {
  return [...fold(text).trimStart()].slice(0, MAX_FOLDED).join('');
}

/** The words of a text, each once. */
export function wordsOf(text: string): string[] {
  return [...new Set(fold(text).split(SEPARATORS))].filter(word => word !== '');
}

/** The index terms of a profile. */
export function nameTexts(name: string | undefined): string[] {
  const folded = foldPrefix(name ?? '').trimEnd();
  return folded === '' ? [] : [folded];
}

/** A member of a sorted set of texts. Neither part contains a NUL, so members sort by text and then by player. */
export const memberOf = (text: string, player: string): string => `${text}\0${player}`;

export const playerOf = (member: string): string => member.slice(member.indexOf('\0') + 1);

/** Redis compares bytes, and JavaScript compares UTF-16 units. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
