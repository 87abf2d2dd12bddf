import type { Actor, BoardDefinition } from '#libs/events';
import { Problem } from '../http/problem.js';
import { withValue } from '../http/validation/field-rules.js';

/** A submitted score. */
export interface Score {
  readonly board: string;
  readonly player: string;
  readonly score: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  readonly idempotencyKey?: string;
}

/** Why the board refuses the score; nothing when it accepts it. */
export function refusalOf(
  { board, score }: Score,
  { source, submit, min, max }: BoardDefinition,
  caller: Actor,
): Problem | undefined {
  if (source !== undefined) return derived(board, source);
  if (submit === 'servers' && caller.kind === 'player')
    return new Problem(403, { code: 'servers-only', detail: `${board} takes scores from game servers only` });
  if (Math.abs(score) > Number.MAX_SAFE_INTEGER) {
    const limit = `within +-${Number.MAX_SAFE_INTEGER} (2^53 - 1): beyond, numbers are not exact`;
    return outOfRange(`score must be ${limit}`, score);
  }
  if (min !== undefined && score < min)
    return outOfRange(`score must be at least ${min}, the min of ${board}`, score);
  if (max !== undefined && score > max)
    return outOfRange(`score must be at most ${max}, the max of ${board}`, score);
  return undefined;
}

const outOfRange = (rule: string, score: number) =>
  new Problem(422, { code: 'score-out-of-range', detail: withValue(rule, score) });

/** The problem for a write to a derived board, which has no scores of its own. */
export const derived = (board: string, source: string) =>
  new Problem(409, {
    code: 'derived-board',
    detail: `${board} counts the scores of ${source}, and has none of its own: use ${source}`,
  });

/** @param left milliseconds until the player may submit again */
export function tooSoon({ board, player }: Score, left: number): Problem {
  const seconds = Math.max(1, Math.ceil(left / 1_000));
  return new Problem(429, {
    code: 'too-soon',
    detail: `${player} can submit to ${board} again in ${Math.max(1, left)} ms`,
    headers: { 'Retry-After': String(seconds) },
  });
}
