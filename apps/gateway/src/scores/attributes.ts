import { shownValue } from '../http/problem.js';
import { ID_PATTERN } from '../http/validation/ids.js';

export const MAX_ATTRIBUTES = 16;
export const MAX_ATTRIBUTE_LENGTH = 256;

/** A fact about a run. */
export function isAttribute(value: unknown): value is string | number | boolean {
  return (
    typeof value === 'boolean' ||
    // `inexactNumber` checks later whether it was rounded.
    typeof value === 'number' ||
    (typeof value === 'string' && value.length <= MAX_ATTRIBUTE_LENGTH && value.isWellFormed())
  );
}

export const areAttributes = (value: unknown) => faultInAttributes(value) === undefined;

export const faultInAttributes = (value: unknown) => faultInNamed(value, 0, isAttribute);

/** An invalid field of an object; without `name`, the object itself is invalid. */
interface Fault {
  readonly name?: string;
  readonly value: unknown;
}

/** The first fault of an object whose field names must be ids and whose values must pass `holds`. */
export function faultInNamed(
  value: unknown,
  least: number,
  holds: (value: unknown) => boolean,
): Fault | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value };
  const entries = Object.entries(value);
  if (entries.length < least || entries.length > MAX_ATTRIBUTES) return { value };
  const wrong = entries.find(([name, fact]) => !ID_PATTERN.test(name) || !holds(fact));
  return wrong && { name: wrong[0], value: wrong[1] };
}

/** The end of a message: the invalid value. */
export const faultShown = (path: string, { name, value }: Fault) =>
  name === undefined ? `it is ${shownValue(value)}` : `${path}[${shownValue(name)}] is ${shownValue(value)}`;

export const ATTRIBUTES_RULE = `must be an object of at most ${MAX_ATTRIBUTES} strings (up to ${MAX_ATTRIBUTE_LENGTH} characters), finite numbers or booleans, with ids as names`;
