import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Appended } from '#libs/event-log';
import { type Actor, timeOf } from '#libs/events';
import type { Envelope } from '#libs/leaderboards';
import { callerOf } from '../../auth/caller.guard.js';
import { assertWanted, isGone } from '../presence.js';
import { addTime, timeLeft } from '../server/deadline.js';
import { etagOf } from './etag.js';
import {
  idempotencyKey,
  refuseIdempotencyKey,
  traceParent,
  type WriteCondition,
  waitPreference,
  writeCondition,
} from './write-headers.js';

/**
 * The headers of a write and of its answer. Nothing else reads `Prefer`, `Idempotency-Key` and `If-Match`, or sets the
 * headers that answer them. A header is read when it is asked for: the route decides which fault is reported first.
 */
export class WriteRequest {
  private seconds: number | undefined;

  constructor(
    readonly caller: Actor,
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
  ) {}

  /** From `Prefer: wait=N`; 0 without it. @throws Problem 400 */
  get waitSeconds(): number {
    this.seconds ??= waitPreference(this.request.headers);
    return this.seconds;
  }

  /** The caller, the `Idempotency-Key` and the `traceparent`. @throws Problem 400 */
  get envelope(): Envelope {
    const key = idempotencyKey(this.request.headers);
    const { trace } = this;
    return {
      actor: this.caller,
      ...(key !== undefined && { idempotencyKey: key }),
      ...(trace !== undefined && { trace }),
    };
  }

  get trace(): string | undefined {
    return traceParent(this.request.headers);
  }

  /** From `If-Match`, `If-None-Match` and `If-Unmodified-Since`. @throws Problem 400 */
  get condition(): WriteCondition {
    return writeCondition(this.request.headers);
  }

  /** For routes that append many events. @throws Problem 400 when there is an `Idempotency-Key` */
  refuseIdempotencyKey(): void {
    refuseIdempotencyKey(this.request.headers);
  }

  /** Whether the client has closed its connection. */
  isGone(): boolean {
    return isGone(this.request);
  }

  /** @throws ClientGoneError, or Problem 503 when the time of the request is over */
  assertWanted(): void {
    assertWanted(this.request);
  }

  get timeLeftMs(): number {
    return timeLeft(this.request);
  }

  /** @param ms `Infinity` for a request without a time limit */
  addTime(ms: number): void {
    addTime(this.request, ms);
  }

  /** @param isDated whether to send `Last-Modified`, as a read of the version does */
  sendAppended({ ref, version, replayed, at }: Appended, isDated: boolean): void {
    if (isDated) this.reply.header('Last-Modified', new Date(timeOf({ id: ref.id, at })).toUTCString());
    if (replayed) this.reply.header('Idempotency-Replayed', 'true');
    if (version !== undefined) this.reply.header('ETag', etagOf(version));
  }

  /** 202 for what the log has; 200 once it has taken effect, as the client preferred. */
  sendStatus(isApplied: boolean): void {
    this.reply.status(isApplied ? 200 : 202);
    if (isApplied) this.reply.header('Preference-Applied', `wait=${this.waitSeconds}`);
  }
}

/** The `WriteRequest` of a route that needs credentials. */
export const Write = createParamDecorator((_: unknown, context: ExecutionContext): WriteRequest => {
  const http = context.switchToHttp();
  return new WriteRequest(callerOf(context), http.getRequest(), http.getResponse());
});
