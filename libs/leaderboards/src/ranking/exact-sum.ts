/**
 * A sum of doubles without rounding. Unlike floating-point addition, the result does not depend on the order.
 *
 * A safe integer is stored as a number, as almost every sum of scores is. Any other value is `mantissa * 2^exponent`,
 * with an odd mantissa.
 */
export type ExactSum = number | BinarySum;

export interface BinarySum {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** A sum as JSON, with the mantissa in hexadecimal. */
export type PackedSum = number | readonly [mantissa: string, exponent: number];

/** @throws RangeError if the value is not finite */
export function exact(value: number): ExactSum {
  // Turns -0 into 0.
  if (Number.isSafeInteger(value)) return value + 0;
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no exact value`);
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const biased = (high >>> 20) & 0x7ff;
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(bits.getUint32(4));
  const magnitude = biased === 0 ? fraction : fraction | (1n << 52n);
  return normalised(value < 0 ? -magnitude : magnitude, Math.max(biased, 1) - 1075);
}

export function add(a: ExactSum, b: ExactSum): ExactSum {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const left = binary(a);
  const right = binary(b);
  const exponent = Math.min(left.exponent, right.exponent);
  return normalised(aligned(left, exponent) + aligned(right, exponent), exponent);
}

/** The nearest double. */
export function toNumber(sum: ExactSum): number {
  if (typeof sum === 'number') return sum;
  const { mantissa, exponent } = sum;
  const magnitude = mantissa < 0n ? -mantissa : mantissa;
  const excess = Math.max(0, magnitude.toString(2).length - 64);
  const kept = magnitude >> BigInt(excess);
  // The bits that are cut off decide how a tie is rounded: one sticky bit stands for them.
  const sticky = kept << BigInt(excess) === magnitude ? kept : kept | 1n;
  const rounded = Number(mantissa < 0n ? -sticky : sticky);
  return rounded * 2 ** (exponent + excess);
}

export function pack(sum: ExactSum): PackedSum {
  return typeof sum === 'number' ? sum : [sum.mantissa.toString(16), sum.exponent];
}

export function unpack(packed: PackedSum): ExactSum {
  if (typeof packed === 'number') return packed;
  const [text, exponent] = packed;
  const mantissa = text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
  return { mantissa, exponent };
}

function binary(sum: ExactSum): BinarySum {
  return typeof sum === 'number' ? { mantissa: BigInt(sum), exponent: 0 } : sum;
}

function aligned({ mantissa, exponent }: BinarySum, to: number): bigint {
  return mantissa << BigInt(exponent - to);
}

const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

function normalised(mantissa: bigint, exponent: number): ExactSum {
  if (mantissa === 0n) return 0;
  const zeros = (mantissa & -mantissa).toString(2).length - 1;
  const odd = mantissa >> BigInt(zeros);
  const power = exponent + zeros;
  if (power >= 0 && power < 53) {
    const value = odd << BigInt(power);
    if (value <= MAX_SAFE && value >= -MAX_SAFE) return Number(value);
  }
  return { mantissa: odd, exponent: power };
}
