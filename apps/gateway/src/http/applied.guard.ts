import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppliedWaiter, type EventRef, parseEventRef } from '#libs/event-log';
import { assertPresent, isGone } from './presence.js';
import { badValue, Problem } from './problem.js';

/** How long a read waits for an event. It leaves time for the read itself (`DEADLINE_MS`). */
const MAX_WAIT_MS = 1_500;

/**
 * Makes a GET with `If-Applied` (or `?ifApplied=`) wait until that event is applied. It is the last guard, so it also stops reads
 * for clients that left while the other guards waited for Redis.
 *
 * @throws Problem 400 for an id that is not of this log, 503 when the event is not applied in time
 * @throws ClientGoneError
 */
@Injectable()
export class AppliedGuard implements CanActivate {
  constructor(private readonly progress: AppliedWaiter) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead) assertPresent(request);
    const event = request.method === 'GET' ? awaitedEvent(request) : undefined;
    if (!event) return true;
    if (!this.progress.has(event)) throw noEvent(request);
    return this.untilApplied(event, request);
  }

  private async untilApplied(event: EventRef, request: FastifyRequest): Promise<boolean> {
    if (await this.progress.whenApplied(event, MAX_WAIT_MS, () => isGone(request))) return true;
    assertPresent(request);
    throw new Problem(503, {
      code: 'not-applied',
      detail: `the event of If-Applied has not taken effect within ${MAX_WAIT_MS / 1_000} seconds; try again`,
      headers: { 'Retry-After': '1' },
    });
  }
}

function awaitedEvent(request: FastifyRequest): EventRef | undefined {
  const { text } = sent(request);
  if (text === undefined || text === '') return undefined;
  try {
    return parseEventRef(String(text));
  } catch {
    throw noEvent(request);
  }
}

/** The event id that was sent, and the name of the header or parameter. */
function sent({ headers, query }: FastifyRequest): { name: string; text: unknown } {
  const text = headers['if-applied'];
  if (text !== undefined) return { name: 'If-Applied', text };
  return { name: 'ifApplied', text: (query as { ifApplied?: unknown }).ifApplied };
}

function noEvent(request: FastifyRequest): Problem {
  const { name, text } = sent(request);
  return badValue(name, `${name} must be an eventId of this log, as a write answered it`, text);
}
