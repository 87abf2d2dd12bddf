/** The reference counts in units of the smallest double, 2^-1074: every sum of doubles is a whole number of them. */
const UNIT = 1074;

export function unitsOf(value: number): bigint {
  let whole = value;
  let doublings = 0;
  // Doubling is exact; there is no overflow, since a double above 2^53 is whole.
  for (; !Number.isInteger(whole); doublings++) whole *= 2;
  return BigInt(whole) << BigInt(UNIT - doublings);
}

export function unitsOfSum(sum: number | { mantissa: bigint; exponent: number }): bigint {
  return typeof sum === 'number' ? unitsOf(sum) : sum.mantissa << BigInt(sum.exponent + UNIT);
}

/** Round to nearest, ties to even, done by hand on integers. */
export function nearestDouble(units: bigint): number {
  const magnitude = units < 0n ? -units : units;
  const shift = Math.max(0, magnitude.toString(2).length - 53);
  const unit = 1n << BigInt(shift);
  const floor = magnitude / unit;
  const twiceRest = (magnitude % unit) * 2n;
  const up = twiceRest > unit || (twiceRest === unit && floor % 2n === 1n);
  const power = shift - UNIT;
  const rounded = Number(floor + (up ? 1n : 0n)) * (power > 971 ? Number.POSITIVE_INFINITY : 2 ** power);
  return units < 0n ? -rounded : rounded;
}
