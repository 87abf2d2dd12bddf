import type { AttributeFilter, Attributes } from './attributes.js';
import { MalformedEventError } from './errors.js';
import { type EventId, parseEventId } from './event-id.js';
import type { JsonObject } from './json.js';

// Stored values are checked when they are read, because another program may have written to the log.
// Each function returns the value with its type, or throws a MalformedEventError that names the field.

export function asString(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected a string`);
}

export function asFiniteNumber(value: unknown, field: string): number {
  if (Number.isFinite(value)) return value as number;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected a finite number`);
}

export function asAttributes(value: unknown): Attributes {
  return asObject(value, 'attributes') as Attributes;
}

function asObject(value: unknown, field: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected an object`);
}

export function asAttributeFilter(value: unknown): AttributeFilter {
  return asObject(value, 'filter') as AttributeFilter;
}

export function asJsonObject(value: unknown, field: string): JsonObject {
  return asObject(value, field) as JsonObject;
}

/** Returns an object with the checked field, or an empty object when the field is missing or null. */
export function optional<K extends string, V>(
  values: Readonly<Record<string, unknown>>,
  field: K,
  check: (value: unknown, field: string) => V,
): { [field in K]?: V } {
  const value = values[field];
  return value == null ? {} : ({ [field]: check(value, field) } as { [field in K]: V });
}

/** Parses a positive whole number of at most 15 digits. */
export function parseCount(value: string, field: string): number {
  if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
  throw new MalformedEventError(`${field} is "${value}", expected a whole number above 0`);
}

export function asEventId(value: unknown, field: string): EventId {
  try {
    return parseEventId(asString(value, field));
  } catch (error) {
    throw new MalformedEventError((error as Error).message);
  }
}

export function asOneOf<T extends string>(choices: readonly T[], value: unknown, field: string): T {
  const choice = choices.find(known => known === value);
  if (choice !== undefined) return choice;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected one of ${choices.join(', ')}`);
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `${typeof value} ${String(value)}`;
}
