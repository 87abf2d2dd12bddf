import { InvalidCursorError } from '#libs/event-log';
import type { BoardDefinition } from '#libs/events';
import { NO_PERIOD } from '../definitions/rules.js';
import type { BoardEntry } from './leaderboard.fold.js';
import { memberOf, rankScore } from './ranks.js';

/** The position of a cursor. It is a place by score, so it stays valid when entries move or disappear. */
export interface Position {
  /** The rank score. */
  readonly score: number;
  readonly member: string;
  /** Undefined for a board that is never reset. */
  readonly period: string | undefined;
}

/** The cursor that continues after an entry. */
export function formatPosition(
  entry: BoardEntry,
  player: string,
  definition: BoardDefinition,
  period: string = NO_PERIOD,
): string {
  const words = [rankScore(entry.score, definition), memberOf(player, entry, definition), period];
  return Buffer.from(words.join(' ')).toString('base64url');
}

/** A score as JavaScript formats it, a member of the sorted set, and a period. */
const POSITION = /^(-?\d+(?:\.\d+)?(?:e[+-]\d+)?) ([\w.:-]{1,80}) ([\w:-]{1,20})$/;

/** @throws InvalidCursorError */
export function parsePosition(cursor: string): Position {
  const [, score, member, period] = POSITION.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!score || !member || !period || !Number.isFinite(Number(score))) throw new InvalidCursorError();
  return { score: Number(score), member, period: period === NO_PERIOD ? undefined : period };
}
