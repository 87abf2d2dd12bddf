import fc from 'fast-check';
import { STREAMS } from '#libs/events';
import { formatEventRef, parseEventRef } from './event-ref.js';

/** What `EventId` allows: 15 digits. */
const digits = fc.integer({ min: 0, max: 999_999_999_999_999 });
const refs = fc.record({
  stream: fc.constantFrom(...STREAMS),
  partition: fc.nat({ max: 9_999 }),
  id: fc.record({ ms: digits, seq: digits }),
});

describe('event references', () => {
  it('are the same after formatting and parsing', () => {
    fc.assert(fc.property(refs, ref => expect(parseEventRef(formatEventRef(ref))).toEqual(ref)));
  });

  it('differ as text when they differ', () => {
    fc.assert(
      fc.property(refs, refs, (a, b) => {
        const same = a.stream === b.stream && a.partition === b.partition;
        const sameId = a.id.ms === b.id.ms && a.id.seq === b.id.seq;
        expect(formatEventRef(a) === formatEventRef(b)).toBe(same && sameId);
      }),
    );
  });

  it('keep the format that clients have stored', () => {
    const ref = { stream: 'players', partition: 12, id: { ms: 1_700_000_000_000, seq: 3 } } as const;
    expect(formatEventRef(ref)).toBe('p12-1700000000000-3');
    expect(parseEventRef('p12-1700000000000-3')).toEqual(ref);
  });

  it.each([
    ['nothing', ''],
    ['an event id alone', '1-0'],
    ['a stream that there is not', 'x0-1-0'],
    ['a stream in capitals', 'S0-1-0'],
    ['a stream by its whole name', 'scores0-1-0'],
    ['no partition', 's-1-0'],
    ['a negative partition', 's-1-1-0'],
    ['a partition of five digits', 's10000-1-0'],
    ['no sequence', 's0-1'],
    ['a number too many', 's0-1-0-0'],
    ['an id of 16 digits', 's0-1234567890123456-0'],
    ['a fraction', 's0-1.5-0'],
    ['white space before it', ' s0-1-0'],
    ['a line feed behind it', 's0-1-0\n'],
    ['digits that are not 0 to 9', 's0-١-0'],
  ])('are not %s', (_, text) => {
    expect(() => parseEventRef(text)).toThrow(RangeError);
  });

  it.each(['s01-1-0', 's0-01-0', 's0-1-00'])('have one text each, so %s is refused', text => {
    expect(() => parseEventRef(text)).toThrow(RangeError);
  });

  it('are parsed or refused, whatever the text', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[a-z]\d{0,6}-\d{0,17}-\d{0,17}$/));
    fc.assert(
      fc.property(texts, text => {
        try {
          expect(parseEventRef(text)).toMatchObject({ partition: expect.any(Number) });
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });
});
