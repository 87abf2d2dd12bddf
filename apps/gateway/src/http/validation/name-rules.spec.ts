import { refusedCharacter } from './name-rules.js';

describe('a name', () => {
  it.each([
    ...['Ada Lovelace', 'Jean-Luc P.', 'e\u0301', '\u65e5\u672c\u8a9e', '\u05e9\u05dc\u05d5\u05dd'],
    // Families, a flag with a tag sequence, a heart, a rainbow flag, a key cap.
    ...[
      '\u{1F468}\u200d\u{1F469}\u200d\u{1F467}',
      '\u{1F469}\u{1F3FD}\u200d\u{1F680}',
      '\u2764\ufe0f',
      '1\ufe0f\u20e3',
    ],
    ...['\u{1F3F3}\ufe0f\u200d\u{1F308}', '\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}'],
    // Persian and Devanagari join letters or keep them apart.
    ...['\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645', '\u0915\u094d\u200d\u0937'],
  ])('can be %s', name => {
    expect(refusedCharacter(name)).toBeUndefined();
  });

  it.each([
    ...['\u0000', '\t', '\n', '\u007f', '\u0085', '\u009f', '\u2028', '\u2029'],
    ...['\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069'],
    ...['\u200e', '\u200f', '\u061c', '\u200b', '\u2060', '\ufeff', '\u00ad', '\u3164', '\u180e'],
    ...['\ud800', '\udfff', '\u{E0041}', '\u200d', '\ufe0f'],
  ])('cannot have %j between letters', character => {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    expect(refusedCharacter(`a${character}b`)).toBe(`U+${code}`);
  });
});
