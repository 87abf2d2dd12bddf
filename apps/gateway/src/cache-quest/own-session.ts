import type { Actor } from '#libs/events';
import { Problem } from '../http/problem.js';

/**
 * These routes are for players at their game; keys write by `/v1`, where they say for whom.
 *
 * @throws Problem 403
 */
export function assertOwn(caller: Actor, isOwn: boolean): void {
  if (caller.kind !== 'player')
    throw new Problem(403, {
      detail: 'this is for the session of a player: use a key with the routes of /v1',
    });
  if (!isOwn) throw new Problem(403, { detail: `you are ${caller.id}, and this is another's` });
}
