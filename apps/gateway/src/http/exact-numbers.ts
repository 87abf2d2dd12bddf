import { Problem } from './problem.js';

/**
 * Where in a value a number stands that JSON could not carry exactly: an integer beyond 2^53 - 1, whose last digits would
 * be rounded in silence, or one that no double can be. All that is beyond is an integer by then.
 *
 * @returns the path of the first one; nothing when there is none
 */
export function inexactNumber(value: unknown, path: string): string | undefined {
  if (typeof value === 'number') return Math.abs(value) > Number.MAX_SAFE_INTEGER ? path : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const found = inexactNumber(inner, below);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The answer to such a number. */
export function inexact(path: string): Problem {
  const message = `${path} is a number beyond +-${Number.MAX_SAFE_INTEGER} (2^53 - 1), which is not exact: send it as a string`;
  return new Problem(422, { code: 'number-out-of-range', detail: message, errors: [{ path, message }] });
}
