import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, type Observable, switchMap, timeout } from 'rxjs';
import { type EventRef, Progress, parseEventRef } from '#libs/event-log';
import { timeLeft } from './deadline.js';
import { waitPreference } from './preconditions.js';
import { badRequest, Problem } from './problem.js';
import { hasStreamedBody } from './streamed-body.js';

/** Milliseconds that a read waits for an event, at most; then it has some left to be made in time. */
const APPLIED_WITHIN = 1_500;

/**
 * Lets a GET with `If-Applied` (or `?ifApplied=`) wait for that event, and no request wait for ever.
 *
 * @throws Problem 400 for what is no event of this log, 503 when the event has not taken effect in time
 */
@Injectable()
export class AppliedInterceptor implements NestInterceptor {
  constructor(private readonly progress: Progress) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // Whoever streams a body is answered when all of it is done, however long that takes.
    if (hasStreamedBody(request)) return next.handle();
    const handle = () =>
      next.handle().pipe(timeout(timeLeft(request) + 1_000 * waitPreference(request.headers)));
    const event = request.method === 'GET' ? awaitedEvent(request) : undefined;
    if (event && !this.progress.has(event)) throw noEvent();
    return event ? from(this.untilApplied(event)).pipe(switchMap(handle)) : handle();
  }

  private async untilApplied(event: EventRef): Promise<void> {
    if (await this.progress.whenApplied(event, APPLIED_WITHIN)) return;
    throw new Problem(503, {
      code: 'not-applied',
      detail: `the event of If-Applied has not taken effect within ${APPLIED_WITHIN / 1_000} seconds; try again`,
      headers: { 'Retry-After': '1' },
    });
  }
}

function awaitedEvent({ headers, query }: FastifyRequest): EventRef | undefined {
  const text = headers['if-applied'] ?? (query as { ifApplied?: unknown }).ifApplied;
  if (text === undefined) return undefined;
  try {
    return parseEventRef(String(text));
  } catch {
    throw noEvent();
  }
}

const noEvent = () => badRequest('If-Applied must be an eventId, as a write answered it');
