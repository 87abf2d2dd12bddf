import fc from 'fast-check';
import { nearestDouble, shuffled, unitsOf, unitsOfSum } from '#libs/testing';
import { add, exact, pack, toNumber, unpack } from './exact-sum.js';

const sumOf = (values: readonly number[]) => values.map(exact).reduce(add, exact(0));

const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const values = fc.array(
  fc.oneof(
    double,
    fc.maxSafeInteger(),
    fc.integer({ min: -1000, max: 1000 }).map(n => n / 10),
    fc.integer({ min: -1000, max: 1000 }).map(n => n * Number.MIN_VALUE),
    fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 970, 2 ** 53, 1, 2 ** -1022),
  ),
  { minLength: 1, maxLength: 20 },
);

describe('the reference of these tests', () => {
  it('represents every double', () => {
    fc.assert(fc.property(double, value => expect(nearestDouble(unitsOf(value))).toBe(value + 0)));
  });
});

describe('an exact sum', () => {
  it('is the same for any order of the same values', () => {
    const orders = values.chain(list => fc.tuple(fc.constant(list), shuffled(list)));
    fc.assert(fc.property(orders, ([one, other]) => expect(sumOf(other)).toEqual(sumOf(one))));
  });

  it('is the same however the values are grouped', () => {
    fc.assert(
      fc.property(values, values, (left, right) => {
        expect(add(sumOf(left), sumOf(right))).toEqual(sumOf([...left, ...right]));
      }),
    );
  });

  it('loses no precision', () => {
    fc.assert(
      fc.property(values, list => {
        expect(unitsOfSum(sumOf(list))).toBe(list.map(unitsOf).reduce((a, b) => a + b));
      }),
    );
  });

  it('converts to the nearest double', () => {
    fc.assert(
      fc.property(values, list => {
        const sum = sumOf(list);
        expect(toNumber(sum)).toBe(nearestDouble(unitsOfSum(sum)));
      }),
      { numRuns: 500 },
    );
  });

  it('is the same after being stored as JSON', () => {
    fc.assert(
      fc.property(values, list => {
        const sum = sumOf(list);
        expect(unpack(JSON.parse(JSON.stringify(pack(sum))))).toEqual(sum);
      }),
    );
  });

  it.each([
    ['ten times 0.1', Array(10).fill(0.1), 1],
    ['one ten times 1e308, and back', [...Array(10).fill(1e308), ...Array(9).fill(-1e308)], 1e308],
    ['a small value between two that cancel', [1e308, 1, -1e308], 1],
    ['two subnormals', [5e-324, 5e-324], 1e-323],
    ['a subnormal lost beside 2^53 - 1', [2 ** 53 - 1, 5e-324], 2 ** 53 - 1],
    ['a subnormal that is left over', [2 ** 53 - 1, 5e-324, -(2 ** 53 - 1)], 5e-324],
    ['a tie, which goes to even', [2 ** 53, 1], 2 ** 53],
    ['a tie that a subnormal decides', [2 ** 53, 1, 5e-324], 2 ** 53 + 2],
    ['a tie that a subnormal decides downwards', [2 ** 53, 3, -5e-324], 2 ** 53 + 2],
    ['a negative tie', [-(2 ** 53), -3], -(2 ** 53) - 4],
    [
      'the greatest double and less than half a step',
      [Number.MAX_VALUE, 2 ** 970, -5e-324],
      Number.MAX_VALUE,
    ],
    ['the greatest double and half a step', [Number.MAX_VALUE, 2 ** 970], Number.POSITIVE_INFINITY],
    ['what cancels to nothing, without a sign', [-0.5, 0.5], 0],
    ['minus zero', [-0], 0],
  ])('of %s is what it should be', (_, list: number[], expected) => {
    expect(toNumber(sumOf(list))).toBe(expected);
  });

  it('adds ten times 0.1 to a little more than 1, which is exact', () => {
    expect(sumOf(Array(10).fill(0.1))).not.toEqual(exact(1));
    expect(unitsOfSum(sumOf(Array(10).fill(0.1)))).toBe(10n * unitsOf(0.1));
  });

  it('is stored as a number if and only if it is a safe integer', () => {
    expect(pack(sumOf([40, 2]))).toBe(42);
    expect(pack(sumOf([0.5, 0.5]))).toBe(1);
    expect(pack(exact(-(2 ** 53 - 1)))).toBe(-(2 ** 53 - 1));
    for (const list of [[0.5], [2 ** 53 - 1, 1], [2 ** 53 - 1, 5e-324], [1e308, 1e308]])
      expect(pack(sumOf(list))).toEqual([expect.any(String), expect.any(Number)]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('does not exist of %p', value => {
    expect(() => exact(value)).toThrow(RangeError);
  });
});
