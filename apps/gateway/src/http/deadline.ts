import type { FastifyRequest } from 'fastify';
import { defer, firstValueFrom, timeout } from 'rxjs';

/** Milliseconds that a request may take besides what it was asked to wait; then Redis counts as away. */
const DEADLINE = 1_700;

const ends = new WeakMap<FastifyRequest, number>();

/**
 * What is left of a request's time, in milliseconds: one time for all that it asks of Redis, since commands that
 * wait for others to be given up would add up. It begins when this is first asked, which guards do as soon as all of
 * the body is there.
 */
export function timeLeft(request: FastifyRequest): number {
  const now = performance.now();
  const end = ends.get(request) ?? now + DEADLINE;
  ends.set(request, end);
  return Math.max(end - now, 0);
}

/** @throws TimeoutError, for which a client gets a 503, when the request's time is over */
export function inTime<T>(request: FastifyRequest, start: () => Promise<T>): Promise<T> {
  return firstValueFrom(defer(start).pipe(timeout(timeLeft(request))));
}
