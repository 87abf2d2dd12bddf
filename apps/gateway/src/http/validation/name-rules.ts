import { Problem } from '../problem.js';
import { withValue } from './field-rules.js';

/**
 * Characters that are not allowed in names because they are invisible or change how the rest is displayed: control characters,
 * line ends, direction overrides, and characters that Unicode draws as nothing.
 */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

/**
 * Places where some of them are allowed: a variation selector after its base, a joiner between two emoji or in a script that
 * joins letters, and the tags of a flag.
 */
const IN_PLACE = [
  /(?<=[\p{Emoji}\p{Ideographic}\p{Script=Mongolian}])(?:[\u{FE00}-\u{FE0F}]|[\u{E0100}-\u{E01EF}])/gu,
  /(?<=\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u{FE0F}|\u{20E3})\u{200D}(?=\p{Extended_Pictographic})/gu,
  /(?<=[\p{L}\p{M}])[\u{200C}\u{200D}](?=[\p{scx=Arab}\p{scx=Deva}\p{scx=Beng}\p{scx=Gujr}\p{scx=Guru}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}\p{scx=Mymr}])/gu,
  /(?<=\u{1F3F4})[\u{E0061}-\u{E007A}\u{E0030}-\u{E0039}]{1,6}\u{E007F}/gu,
];

/** @returns the first forbidden character, such as `U+202E`; nothing when there is none */
export function refusedCharacter(name: string): string | undefined {
  const rest = IN_PLACE.reduce((text, allowed) => text.replace(allowed, ''), name);
  const [found] = UNSEEN.exec(rest) ?? [];
  return codeOf(found);
}

/** Control characters and direction overrides. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}]/u;

/** @returns the code point in the form `U+202E` */
function codeOf(character: string | undefined): string | undefined {
  const code = character?.codePointAt(0);
  return code === undefined ? undefined : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * A weaker `checkName`, for clients whose names must come back unchanged.
 *
 * @throws Problem 422
 */
export function checkControls(path: string, name: string): void {
  refuse(path, name, codeOf(CONTROLS.exec(name)?.[0]));
}

/**
 * @param path of the field that holds the name
 * @throws Problem 422
 */
export function checkName(path: string, name: string): void {
  refuse(path, name, refusedCharacter(name));
}

function refuse(path: string, name: string, character: string | undefined): void {
  if (character === undefined) return;
  const rule = `${path} contains ${character}, an invisible or direction-changing character: leave it out`;
  const message = withValue(rule, name);
  throw new Problem(422, { code: 'name-refused', detail: message, errors: [{ path, message }] });
}
