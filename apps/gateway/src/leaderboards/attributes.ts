import { ID_PATTERN } from '../http/ids.js';

export const MAX_ATTRIBUTES = 16;
export const MAX_ATTRIBUTE_LENGTH = 256;

/** A fact about a run. */
export function isAttribute(value: unknown): value is string | number | boolean {
  return (
    typeof value === 'boolean' ||
    // Whether it is exact is judged where it is taken.
    typeof value === 'number' ||
    (typeof value === 'string' && value.length <= MAX_ATTRIBUTE_LENGTH && value.isWellFormed())
  );
}

export const areAttributes = (value: unknown) => areNamed(value, 0, isAttribute);

/** Whether a value is an object of so many fields, with ids as names, which all hold what they may. */
export function areNamed(value: unknown, least: number, holds: (value: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length >= least &&
    entries.length <= MAX_ATTRIBUTES &&
    entries.every(([name, fact]) => ID_PATTERN.test(name) && holds(fact))
  );
}

export const ATTRIBUTES_RULE = `attributes must be an object of at most ${MAX_ATTRIBUTES} strings (up to ${MAX_ATTRIBUTE_LENGTH} characters), finite numbers or booleans, with ids as names`;
