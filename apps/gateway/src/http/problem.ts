import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';

export interface FieldError {
  /** Where in the body or query: `scores[3].player`. */
  readonly path: string;
  readonly message: string;
}

export interface ProblemOptions {
  /** The last part of the problem's `type`, on which clients can rely. Without it, `type` is `about:blank`. */
  readonly code?: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
  /** Further members of the body, for clients to act on. */
  readonly extensions?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body of a problem (RFC 9457). */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

/** Field errors in a problem, at most. `detail` says how many more there are. */
export const SHOWN_ERRORS = 20;
/** Field errors in each problem of a list of problems, at most. */
const BRIEF_ERRORS = 3;

/** Longest texts of a problem, in characters. Longer ones are cut. */
const MAX_DETAIL = 2_000;
const MAX_BRIEF_DETAIL = 300;
const MAX_PATH = 128;
const MAX_MESSAGE = 256;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** An error that the client gets as a problem. */
export class Problem extends HttpException {
  constructor(
    status: number,
    readonly problem: ProblemOptions,
  ) {
    super(problem.detail, status);
  }

  /** The body to send. */
  get body(): ProblemBody {
    return this.within(MAX_DETAIL, SHOWN_ERRORS);
  }

  /** A shorter body, for a list of up to a thousand problems. */
  get brief(): ProblemBody {
    return this.within(MAX_BRIEF_DETAIL, BRIEF_ERRORS);
  }

  private within(maxDetail: number, maxErrors: number): ProblemBody {
    const status = this.getStatus();
    const { code, detail, errors, extensions } = this.problem;
    return {
      type: code ? `urn:questlog:${code}` : 'about:blank',
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail: readable(shortened(detail, maxDetail)),
      ...(errors && { errors: errors.slice(0, maxErrors).map(shortenedError) }),
      ...extensions,
    };
  }
}

const shortenedError = ({ path, message }: FieldError): FieldError => ({
  path: readable(shortened(path, MAX_PATH)),
  message: readable(shortened(message, MAX_MESSAGE)),
});

/** A text, or if it is too long its beginning and its length. */
export function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).toWellFormed()}… (${text.length} characters)`;
}

/** Characters of a wrong value in a message, at most. */
const SHOWN_VALUE = 60;

/** A wrong value for a message. A number that may have been rounded is not shown. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' && !isExact(value))
    return 'a number too long or too large to be read exactly';
  const text = beginning(value, SHOWN_VALUE);
  return text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE).toWellFormed()}…` : text;
}

/** The beginning of a value's JSON: it stops soon after `room` characters. */
function beginning(value: unknown, room: number): string {
  if (room <= 0) return '';
  if (typeof value === 'number') return isExact(value) ? String(value) : '…';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, room));
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  const isList = Array.isArray(value);
  let text = isList ? '[' : '{';
  for (const [name, inner] of isList ? value.entries() : Object.entries(value)) {
    if (text.length > room) break;
    if (text.length > 1) text += ',';
    if (typeof name === 'string') text += `${JSON.stringify(name.slice(0, room))}:`;
    text += beginning(inner, room - text.length);
  }
  return text + (isList ? ']' : '}');
}

/** A double keeps any decimal of this many significant digits. */
const EXACT_DIGITS = 15;

/** Whether a number is certainly the one that was sent; otherwise it may have been rounded. */
function isExact(value: number): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value);
  return Number(value.toPrecision(EXACT_DIGITS)) === value;
}

/** Characters that JSON does not escape, and that would break or reverse the line of a message. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
/** Messages quote text of clients. */
const readable = (text: string) => text.replace(UNSEEN, escaped);
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * The 400 for an invalid header, path parameter or query parameter.
 *
 * @param rule names it, and says what is allowed
 */
export const badValue = (path: string, rule: string, value: unknown): Problem =>
  badField(path, `${rule}; it is ${shownValue(value)}`);

/** Like `badValue`, for a message that contains the value already. */
export const badField = (path: string, message: string): Problem =>
  new Problem(400, { detail: message, errors: [{ path, message }] });

export const badRequest = (detail: string) => new Problem(400, { detail });
/** @param limit bytes */
export const tooLarge = (limit: number) =>
  new Problem(413, { code: 'too-large', detail: `the body is larger than ${limit} bytes: send less` });
export const notFound = (detail: string) => new Problem(404, { detail });
export const unavailable = (detail: string) =>
  new Problem(503, { code: 'unavailable', detail, headers: { 'Retry-After': '1' } });
