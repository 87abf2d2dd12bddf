import fc from 'fast-check';
import type { JsonValue } from './json.js';
import { mergePatch } from './merge-patch.js';

const merged = (target: string, patch: string) =>
  JSON.stringify(mergePatch(JSON.parse(target), JSON.parse(patch)));

/** Passed through JSON, which turns -0 into 0. */
const json = fc.jsonValue({ maxDepth: 4 }).map(value => JSON.parse(JSON.stringify(value)) as JsonValue);

describe('a merge patch', () => {
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('follows appendix A of RFC 7396: %s patched with %s is %s', (target, patch, result) => {
    expect(merged(target, patch)).toBe(result);
  });

  it('creates an object when there is no target', () => {
    expect(mergePatch(undefined, { a: { b: null, c: 1 } })).toEqual({ a: { c: 1 } });
  });

  it('treats "__proto__" as an ordinary field', () => {
    const result = mergePatch({ a: 1 }, JSON.parse('{"__proto__":{"polluted":1},"b":{"__proto__":{"x":1}}}'));
    expect(JSON.stringify(result)).toBe('{"a":1,"__proto__":{"polluted":1},"b":{"__proto__":{"x":1}}}');
    expect((result as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(merged(JSON.stringify(result), '{"__proto__":null}')).toBe('{"a":1,"b":{"__proto__":{"x":1}}}');
  });

  it('does not mistake inherited properties for fields of the target', () => {
    expect(merged('{}', '{"constructor":{"a":1},"toString":{"b":2}}')).toBe(
      '{"constructor":{"a":1},"toString":{"b":2}}',
    );
  });

  it('modifies neither the target nor the patch, and has no further effect when applied twice', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        const once = mergePatch(target, patch);
        expect(JSON.stringify([target, patch])).toBe(before);
        expect(JSON.stringify(mergePatch(once, patch))).toBe(JSON.stringify(once));
      }),
    );
  });

  it('adds no nulls to an object, except inside arrays', () => {
    const hasNull = (value: JsonValue): boolean =>
      value === null ||
      (!Array.isArray(value) && typeof value === 'object' && Object.values(value).some(hasNull));
    fc.assert(fc.property(fc.dictionary(fc.string(), json), patch => !hasNull(mergePatch({}, patch))));
  });
});
