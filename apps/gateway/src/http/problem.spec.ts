import { shownValue } from './problem.js';

describe('a wrong value in a message', () => {
  it.each([
    ['9007199254740991', '9007199254740991'],
    ['-1.5', '-1.5'],
    ['1e3', '1000'],
    ['0.1', '0.1'],
    ['1e999', 'Infinity'],
    ['[-1e999]', '[-Infinity]'],
    ['"a\\nb"', '"a\\nb"'],
    ['null', 'null'],
    ['[1,"12345678901234567890",[],{"a":{"b":true}}]', '[1,"12345678901234567890",[],{"a":{"b":true}}]'],
  ])('is shown: %s', (json, shown) => {
    expect(shownValue(JSON.parse(json))).toBe(shown);
  });

  it.each(['9007199254740993', '-9007199254740993', '12345678901234567890123', '0.12345678901234567'])(
    'is not shown if it may have been rounded: %s',
    json => {
      expect(shownValue(JSON.parse(json))).toBe('a number too long or too large to be read exactly');
      expect(shownValue(JSON.parse(`{"a":[1,${json}]}`))).not.toMatch(/\d{15}|null/);
    },
  );

  it.each([
    ['"x"', 60],
    [JSON.stringify('x'.repeat(1_000)), 61],
    [JSON.stringify(Array(100_000).fill(1)), 61],
    [JSON.stringify({ ['n'.repeat(1_000)]: 1 }), 61],
    [JSON.stringify([['"'.repeat(100)]]), 61],
  ])('is cut if it is long', (json, most) => {
    const shown = shownValue(JSON.parse(json));
    expect(shown.length).toBeLessThanOrEqual(most);
    expect(shown.endsWith('…')).toBe(most === 61);
  });
});
