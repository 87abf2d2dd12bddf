import { type JsonObject, type JsonValue, mergePatch } from '#libs/events';
import { badRequest, type FieldError, Problem } from '../http/problem.js';
import { tooDeep } from '../http/server/json-body.js';
import { inexact, inexactNumber } from '../http/validation/exact-numbers.js';
import { withValue } from '../http/validation/field-rules.js';
import { checkName } from '../http/validation/name-rules.js';
import { invalid } from '../http/validation/validation.js';

/** The largest patch and the largest profile, as JSON. */
export const PROFILE_LIMIT = 8 * 1024;
/** The largest profile with patches that were not yet applied when the later ones were checked. */
export const PENDING_PROFILE_LIMIT = 4 * PROFILE_LIMIT;
/** The deepest nesting of a profile. The profile itself is the first level. */
const MAX_DEPTH = 8;
/** Characters, at most. */
const MAX_NAME = 64;
const MAX_AVATAR = 512;

interface FieldRule {
  readonly field: string;
  readonly message: string;
  holds(value: JsonValue): boolean;
}

/** Fields with a meaning have rules. Every field may be removed. */
const RULES: readonly FieldRule[] = [
  { field: 'playerId', message: 'playerId cannot be changed: leave it out', holds: () => false },
  {
    field: 'name',
    message: `name must be null, or 1 to ${MAX_NAME} characters in one line, of which some can be seen`,
    holds: value => value === null || (typeof value === 'string' && isName(value)),
  },
  {
    field: 'avatar',
    message: `avatar must be null, or a string of at most ${MAX_AVATAR} characters`,
    holds: value => value === null || (typeof value === 'string' && value.length <= MAX_AVATAR),
  },
  {
    field: 'country',
    message: 'country must be null, or two capital letters (ISO 3166-1 alpha-2)',
    holds: value => value === null || (typeof value === 'string' && /^[A-Z]{2}$/.test(value)),
  },
];

/**
 * Checks that a body is a valid patch of a profile.
 *
 * @throws Problem 400, 422
 */
export function checkProfilePatch(body: unknown): JsonObject {
  if (body === undefined) throw badRequest('the body is missing: send the fields to change as JSON');
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Problem(422, {
      code: 'not-an-object',
      detail: withValue('a profile is a JSON object: { ... }', body),
    });
  const patch = body as JsonObject;
  if (isDeeper(patch, MAX_DEPTH)) throw tooDeep('the patch', MAX_DEPTH);
  if (typeof patch.name === 'string') checkName('name', patch.name);
  const errors = brokenRules(patch);
  if (errors.length > 0) throw invalid(errors);
  const rounded = inexactNumber(patch, '');
  if (rounded !== undefined) throw inexact(rounded, true);
  return patch;
}

/**
 * Checks that the patched profile stays within the limit. Patches that are not applied yet are unknown here, so concurrent ones can
 * exceed it together, up to `PENDING_PROFILE_LIMIT`. Beyond that the profile may only shrink.
 *
 * @returns bytes of the profile with the patch
 * @throws Problem 422
 */
export function checkProfileSize(profile: JsonObject, patch: JsonObject): number {
  const size = bytesOf(mergePatch(profile, patch));
  if (size <= PROFILE_LIMIT || size <= bytesOf(profile)) return size;
  throw new Problem(422, {
    code: 'profile-too-large',
    detail: `the profile would have ${size} bytes, and the limit is ${PROFILE_LIMIT}: remove something with null`,
  });
}

function brokenRules(patch: JsonObject): FieldError[] {
  return RULES.flatMap(({ field, message, holds }) => {
    const value = Object.hasOwn(patch, field) ? patch[field] : undefined;
    return value === undefined || holds(value) ? [] : [{ path: field, message: withValue(message, value) }];
  });
}

/** The length and visibility of a name. `checkName` checks its characters. */
function isName(name: string): boolean {
  const hasLetters = /[^\s\p{Default_Ignorable_Code_Point}]/u.test(name);
  return [...name].length <= MAX_NAME && hasLetters;
}

export const bytesOf = (value: JsonValue) => Buffer.byteLength(JSON.stringify(value));

/** Whether a value is nested deeper than this. It stops at that level. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(inner => isDeeper(inner, levels - 1));
}
