import { InvalidCursorError } from '#libs/event-log';
import type { BoardDefinition } from '#libs/events';
import { EVER } from '../definitions/rules.js';
import type { BoardEntry } from './leaderboard.fold.js';
import { memberOf, rankScore } from './ranks.js';

/** A place on a board by score: it holds while entries move, and when the one that stood there is gone. */
export interface Position {
  /** What entries are ranked by. */
  readonly score: number;
  readonly member: string;
  /** Nothing for a board that is never reset. */
  readonly period: string | undefined;
}

/** The cursor that continues behind an entry. */
export function formatPosition(
  entry: BoardEntry,
  player: string,
  definition: BoardDefinition,
  period: string = EVER,
): string {
  const words = [rankScore(entry.score, definition), memberOf(player, entry, definition), period];
  return Buffer.from(words.join(' ')).toString('base64url');
}

/** A score as JavaScript writes it, a member (prefix and player), and a period. */
const POSITION = /^(-?\d+(?:\.\d+)?(?:e[+-]\d+)?) ([\w.:-]{1,80}) ([\w:-]{1,20})$/;

/** @throws InvalidCursorError */
export function parsePosition(cursor: string): Position {
  const [, score, member, period] = POSITION.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!score || !member || !period || !Number.isFinite(Number(score))) throw new InvalidCursorError();
  return { score: Number(score), member, period: period === EVER ? undefined : period };
}
