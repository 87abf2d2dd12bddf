import type { FastifyRequest } from 'fastify';
import { unavailable } from './problem.js';
import { timeLeft } from './server/deadline.js';

/** The client has closed its connection: nobody would read an answer. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';

  constructor() {
    super('the client has closed its connection');
  }
}

export const isGone = ({ raw }: FastifyRequest): boolean => raw.socket.destroyed === true;

/**
 * Whether anybody waits for what a request asked for. Work that takes several steps asks before each, and stops: a
 * client that comes and goes must not leave work behind.
 */
export const isWanted = (request: FastifyRequest): boolean => !isGone(request) && timeLeft(request) > 0;

/** @throws ClientGoneError, or Problem 503 when the client has been answered that its time is over */
export function assertWanted(request: FastifyRequest): void {
  assertPresent(request);
  if (!isWanted(request)) throw unavailable('the time of the request is over');
}

/** @throws ClientGoneError */
export function assertPresent(request: FastifyRequest): void {
  if (isGone(request)) throw new ClientGoneError();
}
