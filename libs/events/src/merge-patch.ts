import type { JsonValue } from './profile-patched.js';

/**
 * Applies a JSON merge patch (RFC 7396), and changes neither of the two.
 *
 * Fields are gathered in a map and become own properties only: `__proto__` is a name like any other.
 *
 * @param target nothing where there is none yet
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  const changes = fieldsOf(patch);
  if (!changes) return patch;
  const merged = new Map(fieldsOf(target));
  for (const [field, change] of changes) {
    if (change === null) merged.delete(field);
    else merged.set(field, mergePatch(merged.get(field), change));
  }
  return Object.fromEntries(merged);
}

/** Nothing for what is no object. */
function fieldsOf(value: JsonValue | undefined): [field: string, value: JsonValue][] | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : undefined;
}
