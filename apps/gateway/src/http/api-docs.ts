import { applyDecorators } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiExtraModels,
  ApiHeader,
  ApiProperty,
  ApiPropertyOptional,
  ApiQuery,
  ApiResponse,
  getSchemaPath,
} from '@nestjs/swagger';

class FieldErrorView {
  @ApiProperty({ example: 'score' })
  readonly path!: string;

  @ApiProperty({ example: 'score must be a finite number, such as 1234' })
  readonly message!: string;
}

/** How a problem (RFC 9457) looks in the OpenAPI document. */
export class ProblemView {
  @ApiProperty({ example: 'urn:questlog:validation' })
  readonly type!: string;

  @ApiProperty({ example: 'Bad Request' })
  readonly title!: string;

  @ApiProperty({ example: 400 })
  readonly status!: number;

  @ApiProperty({ example: 'score must be a finite number, such as 1234' })
  readonly detail!: string;

  @ApiPropertyOptional({ type: [FieldErrorView] })
  readonly errors?: readonly FieldErrorView[];
}

export class AcceptedView {
  @ApiProperty({ description: 'Names the event; opaque.' })
  readonly eventId!: string;

  @ApiProperty({ enum: ['accepted'] })
  readonly status!: 'accepted';
}

/** The answer to a write that waited. Subclasses add its result. */
export class AppliedView {
  @ApiProperty()
  readonly eventId!: string;

  @ApiProperty({ enum: ['applied'] })
  readonly status!: 'applied';
}

const DESCRIPTIONS: Readonly<Record<number, string>> = {
  400: 'The request is malformed.',
  401: 'The credentials are missing or unknown.',
  403: 'The credentials do not allow it.',
  404: 'There is no such thing.',
  409: 'It cannot be done now; `detail` says why.',
  412: 'The precondition does not hold; `ETag` has the current version.',
  413: 'The body is too large; `detail` names the limit.',
  415: 'The type or coding of the body is not supported here.',
  429: 'Too soon, or too often; see `Retry-After`.',
  422: 'Well-formed, but refused; `detail` says why.',
  503: 'Redis does not answer, or the awaited event has not taken effect; see `Retry-After`.',
};

/** Documents the problems of a route. */
export const ApiProblems = (...statuses: number[]) =>
  applyDecorators(
    ApiExtraModels(ProblemView),
    ...statuses.map(status =>
      ApiResponse({
        status,
        description: DESCRIPTIONS[status] ?? '',
        content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemView) } } },
      }),
    ),
  );

/** A route for keys and for sessions, which a browser sends as a cookie. */
export const ApiPlayer = () => applyDecorators(ApiBearerAuth(), ApiCookieAuth());

/** Documents what every read has in common. */
export const ApiRead = () =>
  applyDecorators(
    ApiHeader({
      name: 'If-Applied',
      required: false,
      description: 'Wait, at most 2 s, until this eventId has taken effect.',
    }),
    ApiQuery({
      name: 'ifApplied',
      required: false,
      description: 'The same, for clients that cannot set headers.',
    }),
    ApiProblems(400, 429, 503),
  );

/** Documents what every write has in common. */
export const ApiWrite = () =>
  applyDecorators(
    ApiHeader({
      name: 'Prefer',
      required: false,
      description: '`wait=N`: answer when the event has taken effect, or after N seconds (at most 10).',
    }),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description: 'The same key within 24 hours is appended once, and answered alike.',
    }),
    ApiResponse({ status: 202, description: 'The event is in the log.', type: AcceptedView }),
    ApiProblems(400, 401, 409, 413, 415, 422, 429, 503),
  );
