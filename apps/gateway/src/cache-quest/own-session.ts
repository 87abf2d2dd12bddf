import type { Actor } from '#libs/events';
import { RefusesWhen } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { Problem } from '../http/problem.js';

const isForSessions = () =>
  new Problem(403, { detail: 'this is for the session of a player: use a key with the routes of /v1' });

/** Whether a request is for the player, as far as can be seen before it is judged; nothing where it cannot. */
type IsOwn = (request: CallerRequest, player: string) => boolean | undefined;

/**
 * A route of a player at the game: keys, and those who ask for another's, are refused before the route's own limit is
 * counted.
 */
export const SessionsOnly = (isOwn: IsOwn) =>
  RefusesWhen(request => {
    const { caller } = request;
    if (!caller) return undefined;
    return refusalOf(caller, caller.kind !== 'player' || isOwn(request, caller.id) !== false);
  });

/**
 * These routes are for players at their game; keys write by `/v1`, where they say for whom.
 *
 * @throws Problem 403
 */
export function assertOwn(caller: Actor, isOwn: boolean): void {
  const refusal = refusalOf(caller, isOwn);
  if (refusal) throw refusal;
}

function refusalOf(caller: Actor, isOwn: boolean): Problem | undefined {
  if (caller.kind !== 'player') return isForSessions();
  return isOwn ? undefined : new Problem(403, { detail: `you are ${caller.id}, and this is another's` });
}
