import type { Actor } from '#libs/events';
import { noOwnPlayer } from '../http/ids.js';
import { Problem } from '../http/problem.js';

/**
 * Lets players act for themselves only; servers and operators act for any.
 *
 * @throws Problem 403
 */
export function assertOwn(caller: Actor, player: string): void {
  if (caller.kind === 'player' && caller.id !== player)
    throw new Problem(403, { detail: `you are ${caller.id}, not ${player}` });
}

/**
 * Whom a caller means by `me`.
 *
 * @throws Problem 400 for a key
 */
export function ownPlayer(caller: Actor): string {
  if (caller.kind === 'player') return caller.id;
  throw noOwnPlayer();
}
