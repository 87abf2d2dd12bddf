import { MAX_VALUES } from './json-body.js';
import { hasMoreValues } from './json-text.js';

describe('the values in a body', () => {
  it.each([
    ['{"a":1,"b":[1,2]}', 3],
    ['{"a":"1,2,3,4,5,6","b":1}', 2],
    ['{"a":"\\",,,,\\\\","b":1}', 2],
  ])('are counted without commas in strings: %s has %i', (text, values) => {
    expect(hasMoreValues(text, values - 1)).toBe(true);
    expect(hasMoreValues(text, values)).toBe(false);
  });

  it('can be those of 1,000 complete scores', () => {
    const attributes = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`a${i}`, i]));
    const score = { board: 'b', player: 'p', score: 1, idempotencyKey: 'k', achievedAt: 'now', attributes };
    expect(hasMoreValues(JSON.stringify({ scores: Array(1_000).fill(score) }), MAX_VALUES)).toBe(false);
  });
});
