import fc from 'fast-check';
import { compareEventIds, formatEventId, parseEventId } from './event-id.js';

const ids = fc.record({ ms: fc.nat({ max: 2 ** 31 - 1 }), seq: fc.nat() });

describe('event ids', () => {
  it('are compared as two integers, not as text', () => {
    expect(compareEventIds(parseEventId('1-9'), parseEventId('1-10'))).toBeLessThan(0);
    expect(compareEventIds(parseEventId('10-0'), parseEventId('9-5'))).toBeGreaterThan(0);
    expect(compareEventIds(parseEventId('7-7'), parseEventId('7-7'))).toBe(0);
  });

  it('survive formatting and parsing', () => {
    fc.assert(fc.property(ids, id => expect(parseEventId(formatEventId(id))).toEqual(id)));
  });

  it.each(['', '1', '1-', '-1', 'a-b', '1-2-3', '1 - 2', '1-2\n', '99999999999999999-0'])(
    'cannot be %j',
    text => {
      expect(() => parseEventId(text)).toThrow(RangeError);
    },
  );
});
