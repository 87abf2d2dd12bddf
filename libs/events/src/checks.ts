import type { AttributeFilter } from './board-defined.js';
import { MalformedEventError } from './errors.js';
import { type EventId, parseEventId } from './event-id.js';
import type { JsonObject } from './profile-patched.js';
import type { Attributes } from './score-submitted.js';

/** What stands in the log is checked when it is read: another program may have written it. */
export function text(value: unknown, field: string): string {
  if (typeof value === 'string') return value;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected a string`);
}

export function finiteNumber(value: unknown, field: string): number {
  if (Number.isFinite(value)) return value as number;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected a finite number`);
}

export function flatAttributes(value: unknown): Attributes {
  return object(value, 'attributes') as Attributes;
}

function object(value: unknown, field: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected an object`);
}

export function attributeFilter(value: unknown): AttributeFilter {
  return object(value, 'filter') as AttributeFilter;
}

export function jsonObject(value: unknown, field: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected an object`);
}

/** The field with its checked value, or nothing when it is not there. */
export function optional<K extends string, V>(
  values: Readonly<Record<string, unknown>>,
  field: K,
  check: (value: unknown, field: string) => V,
): { [field in K]?: V } {
  const value = values[field];
  return value == null ? {} : ({ [field]: check(value, field) } as { [field in K]: V });
}

/** A whole number from 1 on, as text. */
export function count(value: string, field: string): number {
  if (/^[1-9]\d{0,14}$/.test(value)) return Number(value);
  throw new MalformedEventError(`${field} is "${value}", expected a whole number above 0`);
}

export function eventId(value: unknown, field: string): EventId {
  try {
    return parseEventId(text(value, field));
  } catch (error) {
    throw new MalformedEventError((error as Error).message);
  }
}

export function oneOf<T extends string>(choices: readonly T[], value: unknown, field: string): T {
  const choice = choices.find(known => known === value);
  if (choice !== undefined) return choice;
  throw new MalformedEventError(`${field} is ${describe(value)}, expected one of ${choices.join(', ')}`);
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `${typeof value} ${String(value)}`;
}
