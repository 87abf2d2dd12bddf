import type { Actor } from '#libs/events';
import { RefusesWhen } from '../auth/access.guard.js';
import type { CallerRequest } from '../auth/caller.guard.js';
import { Problem } from '../http/problem.js';

const isForSessions = () =>
  new Problem(403, { detail: 'this is for the session of a player: use a key with the routes of /v1' });

/** Whether a request is about the player's own data; nothing when that cannot be seen before validation. */
type IsOwn = (request: CallerRequest, player: string) => boolean | undefined;

/**
 * A route for the session of a player. Keys, and requests for another player's data, do not count for the route's rate limit.
 */
export const SessionsOnly = (isOwn: IsOwn) =>
  RefusesWhen(request => {
    const { caller } = request;
    if (!caller) return undefined;
    return refusalOf(caller, caller.kind !== 'player' || isOwn(request, caller.id) !== false);
  });

/**
 * Refuses keys, which use the routes of `/v1`, and other players.
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
