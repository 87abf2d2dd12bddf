import type { Actor } from '#libs/events';
import type { CallerRequest } from '../auth/caller.guard.js';
import { badRequest, type FieldError, Problem, SHOWN_ERRORS } from '../http/problem.js';
import { inexact, inexactNumber } from '../http/validation/exact-numbers.js';
import { withValue } from '../http/validation/field-rules.js';
import { ID_PATTERN, ID_RULE, noOwnPlayer } from '../http/validation/ids.js';
import { invalid, unknownField } from '../http/validation/validation.js';
import { isIdempotencyKey } from '../http/writes/write-headers.js';
import { ATTRIBUTES_RULE, areAttributes, faultInAttributes, faultShown } from './attributes.js';
import type { Score } from './score-rules.js';

/** `rule` follows the name of the field in a message. */
type Check = readonly [isValid: (value: unknown) => boolean, rule: string];

const IS_ID = `must be an id: ${ID_RULE}`;
const isId = (value: unknown) => typeof value === 'string' && ID_PATTERN.test(value);
const orAbsent = (isValid: (value: unknown) => boolean) => (value: unknown) =>
  value === undefined || isValid(value);

type Checks = Readonly<Record<string, Check>>;

/** The rules of `SubmitScoreBody`, by hand: they check a thousand scores in a few milliseconds (ADR 17). */
const SCORE: Checks = {
  player: [orAbsent(isId), IS_ID],
  score: [Number.isFinite, 'must be a finite number, such as 1234'],
  attributes: [orAbsent(areAttributes), ATTRIBUTES_RULE],
};
const ITEM: Checks = {
  board: [isId, IS_ID],
  ...SCORE,
  idempotencyKey: [orAbsent(isIdempotencyKey), 'must be 1 to 128 visible ASCII characters'],
};

/**
 * Reads a score for the board in the path.
 *
 * @throws Problem 400, 403
 */
export function readScore(value: unknown, board: string, caller: Actor): Score {
  const score = readFields(value, SCORE, caller, '');
  if (score instanceof Problem) throw score;
  return { ...score, board };
}

/**
 * Reads a score of a list or an import.
 *
 * @param path of the score in the body, for messages
 * @returns a problem instead of throwing it, since the other scores of the list go on
 */
export function readItem(value: unknown, caller: Actor, path = ''): Score | Problem {
  return readFields(value, ITEM, caller, path);
}

function readFields(value: unknown, checks: Checks, caller: Actor, path: string): Score | Problem {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid([{ path, message: withValue(`${path || 'a score'} must be an object`, value) }]);
  const fields = value as Record<string, unknown>;
  const errors: FieldError[] = [];
  const below = (field: string) => (path === '' ? field : `${path}.${field}`);
  for (const field in checks) {
    const [isValid, rule] = checks[field] as Check;
    if (isValid(fields[field])) continue;
    errors.push({ path: below(field), message: broken(below(field), rule, fields[field]) });
  }
  // A body of a megabyte can have a hundred thousand unknown fields.
  const unknown = Object.keys(fields).filter(field => !Object.hasOwn(checks, field));
  for (const field of unknown.slice(0, SHOWN_ERRORS))
    errors.push(unknownField(below(field), fields[field], Object.keys(checks)));
  if (errors.length > 0) return invalid(errors, Math.max(0, unknown.length - SHOWN_ERRORS));
  const rounded = inexactNumber(fields.attributes, below('attributes'));
  if (rounded !== undefined) return inexact(rounded, true);
  const score = fields as unknown as Omit<Score, 'player'> & { player?: string };
  const player = playerOf(caller, score.player);
  return player instanceof Problem ? player : { ...score, player };
}

function broken(path: string, rule: string, value: unknown): string {
  const fault = rule === ATTRIBUTES_RULE ? faultInAttributes(value) : undefined;
  return fault ? `${path} ${rule}; ${faultShown(path, fault)}` : withValue(`${path} ${rule}`, value);
}

const anothersScore = (player: string) =>
  new Problem(403, { detail: `these are scores of ${player}: a player submits their own` });

/** The 403 if the body names another player; nothing for any other body, which `readScore` checks. */
export function scoreRefusal({ body, caller }: CallerRequest): Problem | undefined {
  const player = (body as { player?: unknown } | null | undefined)?.player;
  if (caller?.kind !== 'player' || typeof player !== 'string' || !ID_PATTERN.test(player)) return undefined;
  const score = playerOf(caller, player);
  return score instanceof Problem ? score : undefined;
}

/** The player of a score: the session's own, or with a key the named one. */
function playerOf(caller: Actor, player: string | undefined): string | Problem {
  if (caller.kind === 'player') {
    if (player === undefined || player === 'me' || player === caller.id) return caller.id;
    return anothersScore(player);
  }
  if (player === undefined) return badRequest('player is missing: a key has none of its own');
  return player === 'me' ? noOwnPlayer() : player;
}
