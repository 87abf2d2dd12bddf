import { noOwnPlayer } from '../http/validation/ids.js';
import type { CallerRequest } from './caller.guard.js';
import { unknownCaller } from './sent-token.js';

/**
 * The player that `me` stands for, on a route that otherwise needs no credentials.
 *
 * @throws Problem 401, and 400 for a key
 */
export function ownPlayer(request: CallerRequest): string {
  const { caller } = request;
  if (!caller) throw unknownCaller(request);
  if (caller.kind === 'player') return caller.id;
  throw noOwnPlayer();
}
