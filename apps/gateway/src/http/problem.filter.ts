import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject } from '@nestjs/common';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { TimeoutError } from 'rxjs';
import {
  BeingErasedError,
  BoardInUseError,
  BoardScoredError,
  DefinitionChangedError,
  DerivationsChangedError,
  IdempotencyConflictError,
  InvalidCursorError,
  LogClosedError,
  LogDamagedError,
  LogMovedError,
  NoSuchBoardError,
  ProfileBehindError,
  QuotaExceededError,
  VersionConflictError,
} from '#libs/event-log';
import {
  CursorPeriodError,
  DenseShardsError,
  InvalidPeriodError,
  PeriodExpiredError,
  ShardsDisagreeError,
  ShardsFixedError,
} from '#libs/leaderboards';
import { JobActiveError, JobOverError } from '#libs/maintenance';
import { Logger } from '#libs/observability';
import { SILENT, troubleOf, UnconfirmedError, WrongTypeError } from '#libs/redis';
import {
  DeadLetterNotFoundError,
  EventGoneError,
  InvalidDeadLetterIdError,
  UnknownGroupError,
} from '#libs/streams-transport';
import { HourlyQuotaError } from '../limits/hourly-quota.js';
import { ClientGoneError, isGone } from './presence.js';
import {
  badField,
  badValue,
  notFound,
  PROBLEM_CONTENT_TYPE,
  Problem,
  tooLarge,
  unavailable,
} from './problem.js';
import { BODY_LIMIT_BYTES, notTaken } from './server/json-body.js';
import { pathTooLong } from './server/unrouted.js';
import { etagOf } from './writes/etag.js';

/** Maps every error to a problem. An unknown error is logged and becomes a 500 without details. */
@Catch()
export class ProblemFilter implements ExceptionFilter<unknown> {
  constructor(@Inject(Logger) private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.send(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  send(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    // The request failed because the client left: there is nobody to answer, and nothing to log.
    if (isGone(request) && isOfConnection(error)) return void reply.hijack();
    const problem = isUnreadType(error)
      ? notTaken(request)
      : error instanceof InvalidCursorError
        ? badCursor(request)
        : toProblem(error, request.routeOptions.bodyLimit);
    if (problem.getStatus() === 500 || isOverwritten(error))
      this.logger.error(error, undefined, `${request.method} ${request.routeOptions.url}`);
    void reply
      .status(problem.getStatus())
      .headers({ ...problem.problem.headers, 'Content-Type': PROBLEM_CONTENT_TYPE })
      .send(JSON.stringify(problem.body));
  }
}

/** A key holds another type than ours, as our scripts say, or Redis itself does. */
const isOverwritten = (error: unknown) =>
  error instanceof WrongTypeError || (error instanceof Error && /\bWRONGTYPE\b/.test(error.message));

/** Error codes of reads and writes on a closed connection. */
const CLOSED = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

const isOfConnection = (error: unknown) =>
  error instanceof ClientGoneError || CLOSED.includes((error as NodeJS.ErrnoException)?.code ?? '');

/** Fastify refuses some media types before our parsers see them, and Nest replaces its error. */
const isUnreadType = (error: unknown) =>
  error instanceof HttpException && !(error instanceof Problem) && error.getStatus() === 415;

/** The error of an invalid cursor does not have its value, so it is taken from the query. */
const badCursor = ({ query }: FastifyRequest) =>
  badValue(
    'cursor',
    'cursor must be the `next` of a page of the same list: leave it out for the first page',
    (query as { cursor?: unknown }).cursor,
  );

/** Errors of one field of the request: 400. */
const MALFORMED = [
  [CursorPeriodError, 'period'],
  [InvalidCursorError, 'cursor'],
  [InvalidDeadLetterIdError, 'id'],
  [InvalidPeriodError, 'period'],
  [UnknownGroupError, 'group'],
] as const;

/** Something does not exist, or no longer exists: 404. */
const MISSING = [DeadLetterNotFoundError, PeriodExpiredError] as const;

/** The request conflicts with the current state: 409, with the error's `code` as the problem's type. */
const CONFLICTS = [
  BeingErasedError,
  BoardInUseError,
  BoardScoredError,
  DefinitionChangedError,
  DenseShardsError,
  JobActiveError,
  JobOverError,
  LogDamagedError,
  EventGoneError,
  ShardsFixedError,
] as const;

/** What a client can do when a quota is used up, by quota. */
const REMEDIES: Readonly<Record<string, string>> = {
  'player.saveBytes': 'make a save smaller, or delete one',
  'player.slots':
    'write to a slot that was used before; those that were deleted count, as their history is kept',
  'player.boards': 'submit to a board that the player has scored on before',
};

/** @param bodyLimit bytes that the body of the request may have */
export function toProblem(error: unknown, bodyLimit = BODY_LIMIT_BYTES): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof VersionConflictError) {
    return new Problem(412, {
      code: 'version-conflict',
      detail: `${error.message}: read it, and try again with its version`,
      ...(error.head > 0 && { headers: { ETag: etagOf(error.head) } }),
    });
  }
  if (error instanceof IdempotencyConflictError) {
    return new Problem(422, {
      code: 'idempotency-conflict',
      detail: `${error.message}: send a new key with a new request`,
    });
  }
  if (MISSING.some(type => error instanceof type)) return notFound((error as Error).message);
  const conflict = CONFLICTS.find(type => error instanceof type) && (error as Error & { code: string });
  if (conflict) {
    const code = conflict.code.toLowerCase().replaceAll('_', '-');
    return new Problem(409, { code, detail: conflict.message });
  }
  if (error instanceof NoSuchBoardError)
    return new Problem(404, { code: 'no-such-board', detail: error.message });
  if (error instanceof QuotaExceededError) return overQuota(error);
  if (error instanceof HourlyQuotaError) return overHourlyQuota(error);
  if (error instanceof ProfileBehindError) return unavailable(error.message);
  if (error instanceof DerivationsChangedError) return unavailable(`${error.message}; try again`);
  const malformed = MALFORMED.find(([type]) => error instanceof type);
  if (malformed) {
    const [, field] = malformed;
    const { message } = error as Error;
    return badField(field, message.startsWith(field) ? message : `${field} ${message}`);
  }
  if (error instanceof UnconfirmedError) {
    const remedy =
      'try again, with the same Idempotency-Key where you sent one: with one, it takes effect once';
    return unavailable(`it is in the log, but ${error.message}, and could still be lost; ${remedy}`);
  }
  if (error instanceof ShardsDisagreeError) return unavailable(`${error.message}; try again in a moment`);
  if (error instanceof LogClosedError || error instanceof LogMovedError) return unavailable(error.message);
  const trouble = error instanceof TimeoutError ? SILENT : troubleOf(error);
  if (isOverwritten(error))
    return unavailable(
      'another program has overwritten data of Questlog in Redis: an operator has to rebuild it, and the log of the gateway has the cause',
    );
  if (trouble)
    return unavailable(`${trouble.detail}; try again, with the same Idempotency-Key where you sent one`);
  if (error instanceof HttpException) return fromStatus(error.getStatus(), error.message, bodyLimit);
  const { statusCode, message } = error as Partial<FastifyError>;
  return fromStatus(statusCode, message, bodyLimit);
}

const overQuota = ({ quota, limit, used, message }: QuotaExceededError) =>
  new Problem(409, {
    code: 'quota-exceeded',
    detail: `${message}: ${REMEDIES[quota] ?? 'remove something, or ask an operator to raise it'}`,
    extensions: { quota, limit, used },
  });

function overHourlyQuota({ quota, limit, retryAfter, message }: HourlyQuotaError): Problem {
  const seconds = Math.max(1, Math.ceil(retryAfter / 1_000));
  return new Problem(429, {
    code: 'quota-exceeded',
    detail: `${message}: try again in ${seconds} s`,
    extensions: { quota, limit },
    headers: { 'Retry-After': String(seconds) },
  });
}

/** For errors of Fastify and Nest: bodies that are too large or not JSON, for example. */
function fromStatus(
  status = 500,
  message = 'the request cannot be read',
  bodyLimit = BODY_LIMIT_BYTES,
): Problem {
  if (status === 413) return tooLarge(bodyLimit);
  if (status === 414) return pathTooLong();
  if (status >= 400 && status < 500) return new Problem(status, { detail: message });
  return new Problem(500, { detail: 'this should not have happened; the log of the gateway has the cause' });
}
