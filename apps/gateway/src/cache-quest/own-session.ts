import type { Actor } from '#libs/events';
import { RefusesWhen } from '../auth/access.guard.js';
import { Problem } from '../http/problem.js';

const isForSessions = () =>
  new Problem(403, { detail: 'this is for the session of a player: use a key with the routes of /v1' });

/** A route of a player at the game: keys are refused before anything is counted. */
export const SessionsOnly = () =>
  RefusesWhen(({ caller }) => (caller?.kind === 'player' ? undefined : isForSessions()));

/**
 * These routes are for players at their game; keys write by `/v1`, where they say for whom.
 *
 * @throws Problem 403
 */
export function assertOwn(caller: Actor, isOwn: boolean): void {
  if (caller.kind !== 'player') throw isForSessions();
  if (!isOwn) throw new Problem(403, { detail: `you are ${caller.id}, and this is another's` });
}
