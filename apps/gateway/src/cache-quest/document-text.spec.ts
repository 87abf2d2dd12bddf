import fc from 'fast-check';
import { DuplicateKeyError } from '../saves/json-tree.js';
import { fieldTexts } from './document-text.js';

describe('the fields of an object', () => {
  it.each([
    ['{}', {}],
    ['{ "a" : 1.0 }', { a: '1.0' }],
    ['{"a":{"b":[1,{"c":","}]},"d":"}"}', { a: '{"b":[1,{"c":","}]}', d: '"}"' }],
    ['{"a": \n{ "big": 9007199254740993,\t"z": -0 } }', { a: '{ "big": 9007199254740993,\t"z": -0 }' }],
    ['{"\\u0061":"\\"{","b":null}', { a: '"\\"{"', b: 'null' }],
    ['[]', {}],
  ])('of %s are returned as written', (json, fields) => {
    expect(Object.fromEntries(fieldTexts(json))).toEqual(fields);
  });

  it('are complete, and have the same values as in the object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(3), (object, indent) => {
        const texts = fieldTexts(JSON.stringify(object, null, indent));
        const read = [...texts].map(([name, text]) => [name, JSON.parse(text)]);
        expect(read).toEqual(Object.entries(JSON.parse(JSON.stringify(object))));
      }),
    );
  });

  it('keep the name __proto__', () => {
    expect([...fieldTexts('{"__proto__":{"x":1}}')]).toEqual([['__proto__', '{"x":1}']]);
  });

  it('are refused when a key is there twice', () => {
    expect(() => fieldTexts('{"a":1,"\\u0061":2}')).toThrow(DuplicateKeyError);
  });
});
