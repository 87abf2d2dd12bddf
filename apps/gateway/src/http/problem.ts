import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';

export interface FieldError {
  /** Where in the body or query: `scores[3].player`. */
  readonly path: string;
  readonly message: string;
}

export interface ProblemOptions {
  /** The last part of the problem's `type`, stable for clients to act on; without it the status says all. */
  readonly code?: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 9457, as it is sent. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** A failure that the caller is told of. */
export class Problem extends HttpException {
  constructor(
    status: number,
    readonly problem: ProblemOptions,
  ) {
    super(problem.detail, status);
  }

  get body(): ProblemBody {
    const status = this.getStatus();
    const { code, detail, errors } = this.problem;
    return {
      type: code ? `urn:questlog:${code}` : 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      ...(errors && { errors }),
    };
  }
}

export const badRequest = (detail: string) => new Problem(400, { detail });
/** @param limit bytes */
export const tooLarge = (limit: number) =>
  new Problem(413, { code: 'too-large', detail: `the body is larger than ${limit} bytes: send less` });
export const notFound = (detail: string) => new Problem(404, { detail });
export const unavailable = (detail: string) =>
  new Problem(503, { code: 'unavailable', detail, headers: { 'Retry-After': '1' } });
