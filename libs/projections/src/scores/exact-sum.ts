/**
 * A sum of doubles without rounding: adding in any order gives the same, as floating-point addition does not.
 *
 * The value is `mantissa * 2^exponent`, with an odd mantissa, or 0 and 0. Written as an integer when it is one
 * that a double holds exactly, else as `[mantissa in hexadecimal, exponent]`.
 */
export interface ExactSum {
  readonly mantissa: bigint;
  readonly exponent: number;
}

export type PackedSum = number | readonly [mantissa: string, exponent: number];

/** @throws RangeError when the value is not finite */
export function exact(value: number): ExactSum {
  if (Number.isInteger(value)) return normalised(BigInt(value), 0);
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
  const exponent = Math.min(a.exponent, b.exponent);
  return normalised(aligned(a, exponent) + aligned(b, exponent), exponent);
}

/** The nearest double. */
export function toNumber({ mantissa, exponent }: ExactSum): number {
  const magnitude = mantissa < 0n ? -mantissa : mantissa;
  const excess = Math.max(0, magnitude.toString(2).length - 64);
  const kept = magnitude >> BigInt(excess);
  // What is cut off decides a tie: one sticky bit stands for all of it.
  const sticky = kept << BigInt(excess) === magnitude ? kept : kept | 1n;
  const rounded = Number(mantissa < 0n ? -sticky : sticky);
  return rounded * 2 ** (exponent + excess);
}

export function pack(sum: ExactSum): PackedSum {
  const value = toNumber(sum);
  return Number.isSafeInteger(value) && sum.exponent >= 0 ? value : [sum.mantissa.toString(16), sum.exponent];
}

export function unpack(packed: PackedSum): ExactSum {
  if (typeof packed === 'number') return exact(packed);
  const [text, exponent] = packed;
  const mantissa = text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`);
  return { mantissa, exponent };
}

function aligned({ mantissa, exponent }: ExactSum, to: number): bigint {
  return mantissa << BigInt(exponent - to);
}

function normalised(mantissa: bigint, exponent: number): ExactSum {
  if (mantissa === 0n) return { mantissa: 0n, exponent: 0 };
  const zeros = (mantissa & -mantissa).toString(2).length - 1;
  return { mantissa: mantissa >> BigInt(zeros), exponent: exponent + zeros };
}
