import { Problem } from '../problem.js';
import { withValue } from './field-rules.js';

interface InexactNumber {
  readonly path: string;
  readonly value: number;
}

/**
 * Finds a number that JSON.parse has rounded: an integer beyond 2^53 - 1, or one beyond the range of a double. Larger doubles
 * are all integers, so checking integers is enough.
 *
 * @returns the first one; nothing when there is none
 */
export function inexactNumber(value: unknown, path: string): InexactNumber | undefined {
  if (typeof value === 'number')
    return Math.abs(value) > Number.MAX_SAFE_INTEGER ? { path, value } : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const found = inexactNumber(inner, below);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The answer to such a number.
 *
 * @param canBeText whether a string may stand there instead
 */
export function inexact({ path, value }: InexactNumber, canBeText: boolean): Problem {
  const rule = `${path} must be within +-${Number.MAX_SAFE_INTEGER} (2^53 - 1): a number beyond is not exact`;
  const message = withValue(canBeText ? `${rule}, so send it as a string` : rule, value);
  return new Problem(422, { code: 'number-out-of-range', detail: message, errors: [{ path, message }] });
}
