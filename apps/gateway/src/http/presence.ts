import type { FastifyRequest } from 'fastify';
import { unavailable } from './problem.js';
import { timeLeft } from './server/deadline.js';

/** The client has closed its connection. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';

  constructor() {
    super('the client has closed its connection');
  }
}

export const isGone = ({ raw }: FastifyRequest): boolean => raw.socket.destroyed === true;

/**
 * Whether the client still waits for the answer. Work with several steps checks this before each one, so that clients that
 * leave early cause no further work.
 */
export const isWanted = (request: FastifyRequest): boolean => !isGone(request) && timeLeft(request) > 0;

/** @throws ClientGoneError, or Problem 503 when the deadline has passed and the client has been answered */
export function assertWanted(request: FastifyRequest): void {
  assertPresent(request);
  if (!isWanted(request)) throw unavailable('the time of the request is over');
}

/** @throws ClientGoneError */
export function assertPresent(request: FastifyRequest): void {
  if (isGone(request)) throw new ClientGoneError();
}
