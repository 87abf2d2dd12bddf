import fc from 'fast-check';
import { Problem } from '../http/problem.js';
import { checkDocument } from './document.js';

/** The status and code with which a text is refused; `undefined` if it is accepted. */
function refusal(text: unknown): { status: number; code?: string | undefined } | undefined {
  try {
    checkDocument(text);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return { status: error.getStatus(), code: error.problem.code };
    throw error;
  }
}

/** An object with `levels` levels, of which the object is the first. */
const nestedLists = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
const nestedObjects = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const NOT_AN_OBJECT = { status: 422, code: 'not-an-object' };
const TOO_DEEP = { status: 422, code: 'too-deep' };

describe('the document of a save', () => {
  it.each([
    '{}',
    ' { } ',
    '{"a":1,"a":2}',
    '{"n":9007199254740993,"z":-0,"x":1e400}',
    '{"__proto__":{"a":1},"constructor":null}',
    '{"face":"\u{1F600}","lone":"\\ud800","zero":"\\u0000"}',
    '\n{\t"a" : [ ] }\r\n',
  ])('is stored exactly as it was sent: %s', text => {
    expect(checkDocument(text)).toBe(text);
  });

  it('can be any JSON object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), value => !refusal(JSON.stringify(value))),
    );
  });

  it.each(['[]', '[{}]', '1', '-0', '"{}"', 'null', 'true', ' [ ] '])(
    'cannot be %s, which is not an object',
    text => {
      expect(refusal(text)).toEqual(NOT_AN_OBJECT);
    },
  );

  it.each([undefined, '', null, {}, 5])('cannot be missing: %p', text => {
    expect(refusal(text)).toEqual({ status: 400 });
  });

  it.each([
    ' ',
    '{',
    '{}}',
    '{} {}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":NaN}',
    '{"a":"\n"}',
    '{"a":01}',
    '\ufeff{}',
    '// {}',
  ])('cannot be %j, which is not JSON', text => {
    expect(refusal(text)).toEqual({ status: 400 });
  });

  it('can have 64 levels, and not 65', () => {
    for (const nested of [nestedLists, nestedObjects]) {
      expect(refusal(nested(64))).toBeUndefined();
      expect(refusal(nested(65))).toEqual(TOO_DEEP);
    }
  });

  it('can be wide: the limit is on levels, not on brackets', () => {
    expect(refusal(`{"a":[${Array(5_000).fill('[{}]').join(',')}]}`)).toBeUndefined();
  });

  it.each([
    ['brackets', '['.repeat(100)],
    ['an escaped quote before brackets', `\\"${'['.repeat(100)}`],
    ['an escaped backslash at its end', `${'{'.repeat(100)}\\\\`],
    ['a quote written as \\u0022', `\\u0022${'['.repeat(100)}`],
  ])('can hold a string with %s', (_, string) => {
    expect(refusal(`{"a":"${string}","${string}":1}`)).toBeUndefined();
  });

  it.each([
    ['an escaped backslash', '{"a":"\\\\","b":'],
    ['an escaped quote', '{"a":"\\"","b":'],
    ['closing brackets', '{"a":"]]]]]}}}}}","b":'],
    ['closing brackets in a key', '{"]]]]]}}}}}":'],
  ])('is also too deep when the nesting follows a string with %s', (_, before) => {
    expect(refusal(`${before}${nestedLists(63)}}`)).toBeUndefined();
    expect(refusal(`${before}${nestedLists(64)}}`)).toEqual(TOO_DEEP);
  });

  it('has the same depth as its parsed value', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
    const wrap = (value: unknown, levels: number): unknown =>
      levels === 0 ? value : { a: wrap(value, levels - 1) };
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 56, max: 66 }), (value, levels) => {
        const document = wrap(value, levels);
        expect(refusal(JSON.stringify(document))).toEqual(depthOf(document) > 64 ? TOO_DEEP : undefined);
      }),
    );
  });

  it('is refused, without a crash, when it is 100,000 lists deep', () => {
    expect(refusal(nestedLists(100_000))).toEqual(TOO_DEEP);
    expect(refusal('['.repeat(100_000) + ']'.repeat(100_000))).toEqual(NOT_AN_OBJECT);
    expect(refusal('['.repeat(100_000))).toEqual({ status: 400 });
    expect(refusal(`{"a":${'['.repeat(100_000)}`)).toEqual({ status: 400 });
  });

  it.each([
    ['letters', 'x'.repeat(250_000)],
    ['escapes', '\\n'.repeat(125_000)],
  ])('can be one long string of %s', (_, string) => {
    expect(refusal(`{"a":"${string}"}`)).toBeUndefined();
  });
});
