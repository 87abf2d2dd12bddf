import fc from 'fast-check';
import { DuplicateKeyError, equalTrees, formatTree, parseTree, TooDeepError } from './json-tree.js';

const rewritten = (json: string) => formatTree(parseTree(json), 64);
const equal = (a: string, b: string) => equalTrees(parseTree(a), parseTree(b), () => {});

describe('a JSON tree', () => {
  it.each([
    '{"z":1,"10":2,"9":3,"":4}',
    '[9007199254740993,-0,1.0,1e400,-1E-400,0.1000000000000000055511151231257827]',
    '{"__proto__":{"a":1},"constructor":null,"toString":true}',
    '["\\ud800","\\/\\u0061","😀","]}\\"[{"]',
    '[[],{},[[{}]]]',
    '"text"',
    'null',
  ])('is written as it was read: %s', json => {
    expect(rewritten(json)).toBe(json);
  });

  it('omits white space outside strings', () => {
    expect(rewritten(' { "a b" :\n[ 1 ,\t" " ] } ')).toBe('{"a b":[1," "]}');
  });

  it('has the value that JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 2 }), (value, space) => {
        expect(rewritten(JSON.stringify(value, null, space))).toBe(JSON.stringify(value));
      }),
    );
  });

  it.each(['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]'])('is none with a key twice: %s', json => {
    expect(() => parseTree(json)).toThrow(DuplicateKeyError);
  });

  it('cannot be formatted when it is too deep', () => {
    expect(() => formatTree(parseTree('[[{}]]'), 2)).toThrow(TooDeepError);
    expect(formatTree(parseTree('[[{}]]'), 3)).toBe('[[{}]]');
  });

  it.each([
    ['1', '1.0'],
    ['100', '1e2'],
    ['0.001', '1E-3'],
    ['-0', '0.0e5'],
    ['1e99999999999999999999', '10e99999999999999999998'],
    ['"a/b"', '"\\u0061\\/b"'],
    ['{"a":1,"b":[2]}', '{"b":[2.0],"a":1}'],
  ])('equals a tree with the same value: %s and %s', (a, b) => {
    expect(equal(a, b)).toBe(true);
  });

  it.each([
    ['9007199254740992', '9007199254740993'],
    ['1', '-1'],
    ['1', '"1"'],
    ['null', '{}'],
    ['[]', '{}'],
    ['[1,2]', '[2,1]'],
    ['{"a":1}', '{"b":1}'],
    ['{"a":null}', '{}'],
    ['[[]]', '[[[]]]'],
    ['1e10', '1e11'],
    ['true', 'false'],
    ['"1"', 'true'],
  ])('does not equal a tree with another value: %s and %s', (a, b) => {
    expect(equal(a, b)).toBe(false);
  });

  it('compares numbers in a time linear in their length', () => {
    const digits = 2_000_000;
    const before = process.cpuUsage();
    expect(equal(`1${'0'.repeat(digits)}`, `1e${digits}`)).toBe(true);
    expect(equal(`1${'0'.repeat(digits)}1`, `1e${digits}`)).toBe(false);
    expect(equal(`1e${'9'.repeat(digits)}`, `10e${'9'.repeat(digits)}`)).toBe(false);
    const { user, system } = process.cpuUsage(before);
    // Where it grew with the square, this would take an hour.
    expect(user + system).toBeLessThan(2_000_000);
  });
});
