import { foldPrefix, nameTexts, wordsOf } from './search-terms.js';

describe('a folded name', () => {
  it.each([
    ['case', 'ADA Lovelace', 'ada lovelace'],
    ['the width of letters', '\uff21\uff44\uff41', 'ada'],
    ['how an accent is written', 'e\u0301', '\u00e9'],
    ['a sharp s', 'Stra\u00dfe', 'STRASSE'],
    ['a sigma at the end', '\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c3'],
    ['what nobody sees', 'a\u0000d\u200b\u202ea', 'ada'],
    ['how wide a gap is', ' Ada \u00a0\t Lovelace', 'ada lovelace'],
  ])('knows no difference of %s', (_, one, other) => {
    expect(nameTexts(one)).toEqual(nameTexts(other));
    expect(nameTexts(nameTexts(one)[0])).toEqual(nameTexts(one));
  });

  it('differs by accents, as in Redis Search', () => {
    expect(nameTexts('Zo\u00eb')).not.toEqual(nameTexts('Zoe'));
  });

  it('begins with the folded prefix, also if that ends in a space or the name is long', () => {
    const long = '\u{1F600}'.repeat(80);
    expect(nameTexts(long)).toEqual(['\u{1F600}'.repeat(64)]);
    expect(foldPrefix(`${long}x`)).toBe(nameTexts(long)[0]);
    expect(foldPrefix(' ADA ')).toBe('ada ');
    expect(nameTexts(' Ada ')).toEqual(['ada']);
  });

  it.each([undefined, '', ' ', '\u200b\u0000'])('is empty for %j', name => {
    expect(nameTexts(name)).toEqual([]);
  });
});

describe('the words of a text', () => {
  it('are separated by white space and punctuation except the underscore', () => {
    expect(wordsOf("Dr. Ada-Lovelace's (high_score) \u{1F600}!")).toEqual([
      ...['dr', 'ada', 'lovelace', 's', 'high_score', '\u{1F600}'],
    ]);
  });

  it('are unique, and there may be none', () => {
    expect(wordsOf('Ada ada ADA')).toEqual(['ada']);
    expect(wordsOf(' .,! ')).toEqual([]);
  });
});
