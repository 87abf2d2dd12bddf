import fc from 'fast-check';
import { compareEventIds, type EventId } from '#libs/events';
import { ORDER_LENGTH, orderOf, runOf } from './tie-break.js';

const MAX_MS = 2 ** 48 - 1;
const MAX_SEQ = 2 ** 36 - 1;

const ms = fc.oneof(fc.integer({ min: 0, max: MAX_MS }), fc.constantFrom(0, 1, 63, 64, MAX_MS - 1, MAX_MS));
const seq = fc.oneof(fc.integer({ min: 0, max: MAX_SEQ }), fc.constantFrom(0, 1, 63, 64, MAX_SEQ));
const id: fc.Arbitrary<EventId> = fc.record({ ms, seq });

/** Any pairs, and pairs of the same millisecond or one apart. */
const pairs = fc.oneof(
  fc.tuple(id, id),
  fc.tuple(id, seq).map(([a, other]) => [a, { ms: a.ms, seq: other }] as const),
  fc.tuple(id, seq).map(([a, other]) => [a, { ms: Math.min(a.ms + 1, MAX_MS), seq: other }] as const),
);

const asBytes = (a: string, b: string) => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));

describe('the tie-break', () => {
  it('can be decoded: an order gives back the id of its event', () => {
    fc.assert(fc.property(id, event => expect(runOf(orderOf(event))).toEqual(event)));
  });

  it('decodes an order that the player follows', () => {
    expect(runOf(`${orderOf({ ms: 17, seq: 3 })}zed-9`)).toEqual({ ms: 17, seq: 3 });
  });

  it('has the same length for all events, in characters and in bytes', () => {
    expect(ORDER_LENGTH).toBe(14);
    fc.assert(
      fc.property(id, event => {
        expect(orderOf(event)).toHaveLength(ORDER_LENGTH);
        expect(Buffer.byteLength(orderOf(event))).toBe(ORDER_LENGTH);
      }),
    );
  });

  it('is greater, compared as bytes, for the earlier event', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(asBytes(orderOf(a), orderOf(b))).toBe(-Math.sign(compareEventIds(a, b)) + 0);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['the counter goes from one digit to two', { ms: 1, seq: 9 }, { ms: 1, seq: 10 }],
    ['the counter goes from one base-64 digit to two', { ms: 1, seq: 63 }, { ms: 1, seq: 64 }],
    ['the millisecond follows the greatest counter', { ms: 1, seq: MAX_SEQ }, { ms: 2, seq: 0 }],
    ['the milliseconds pass 2^32', { ms: 2 ** 32 - 1, seq: 0 }, { ms: 2 ** 32, seq: 0 }],
    ['the last millisecond comes', { ms: MAX_MS - 1, seq: 0 }, { ms: MAX_MS, seq: 0 }],
  ])('keeps the order where %s', (_, first, second) => {
    expect(asBytes(orderOf(first), orderOf(second))).toBe(1);
  });

  it('contains no space and no control character, since a run is stored as words', () => {
    fc.assert(fc.property(id, event => expect(orderOf(event)).toMatch(/^[-0-9A-Z_a-z]{14}$/)));
  });
});
