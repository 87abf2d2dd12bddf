import { MalformedEventError } from './errors.js';
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
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Attributes;
  throw new MalformedEventError(`attributes is ${describe(value)}, expected an object`);
}

function describe(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : `${typeof value} ${String(value)}`;
}
