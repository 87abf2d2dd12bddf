import fc from 'fast-check';
import { Problem } from '../problem.js';
import { IdPipe, PlayerPipe } from './ids.js';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const characters = (allowed: string) => fc.constantFrom(...allowed);
const ids = fc
  .tuple(characters(LETTERS), fc.string({ unit: characters(`${LETTERS}._:-`), maxLength: 63 }))
  .map(parts => parts.join(''))
  .filter(id => id !== 'me');

const NOT_IDS = [
  ['nothing', ''],
  ['a space', ' '],
  ['a space within', 'a b'],
  ['65 characters', 'x'.repeat(65)],
  ['a dash first', '-a'],
  ['a dot first', '.a'],
  ['a path', '..'],
  ['a colon first', ':a'],
  ['an underscore first', '_a'],
  ['a prototype', '__proto__'],
  ['a slash', 'a/b'],
  ['a hash tag', 'a{b}'],
  ['a line break behind', 'a\n'],
  ['a line break before', '\na'],
  ['a zero byte', 'a\0'],
  ['another script', 'Ada\u00e9'],
  ['a wide digit', '\uff11'],
  ['an emoji', '\u{1F600}'],
  ['a wildcard', 'a*'],
] as const;

describe.each([
  ['an id', new IdPipe()],
  ['the id of a player', new PlayerPipe()],
])('%s', (_, pipe) => {
  it.each(['a', '7', 'Ada', 'weekly-eu', 'a.b_c:d-e', 'x'.repeat(64), 'constructor'])('can be %p', text => {
    expect(pipe.transform(text, { data: 'board' })).toBe(text);
  });

  it('can be any text of the allowed characters, and stays unchanged', () => {
    fc.assert(fc.property(ids, id => pipe.transform(id, {}) === id));
  });

  it.each(NOT_IDS)('cannot be %s', (_name, text) => {
    expect(() => pipe.transform(text, { data: 'board' })).toThrow(Problem);
  });

  it("is refused with 400 and the parameter's name when it is invalid", () => {
    expect(() => pipe.transform('a b', { data: 'board' })).toThrow(/^"board" is not an id: expected 1 to 64/);
    expect(() => pipe.transform('a b', {})).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('the player "me"', () => {
  it('is refused for a key, which has no player', () => {
    expect(() => new PlayerPipe().transform('me', {})).toThrow(/name the player/);
    expect(new PlayerPipe().transform('me2', {})).toBe('me2');
  });

  it('is an ordinary name for a board or a slot', () => {
    expect(new IdPipe().transform('me', {})).toBe('me');
  });
});
