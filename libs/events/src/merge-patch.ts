import type { JsonValue } from './json.js';

/**
 * Applies a JSON merge patch (RFC 7396) without modifying the target or the patch.
 *
 * Fields are collected in a map, so that `__proto__` is an ordinary field and cannot pollute a prototype.
 *
 * @param target undefined when the document does not exist yet
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

/** Returns undefined unless the value is a JSON object. */
function fieldsOf(value: JsonValue | undefined): [field: string, value: JsonValue][] | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : undefined;
}
