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
  /** Further members of the body, for clients to act on. */
  readonly extensions?: Readonly<Record<string, string | number>>;
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

/** Errors that are listed, at most; `detail` says how many there are besides. */
export const SHOWN_ERRORS = 20;
/** Errors that are listed with each problem of a list of problems. */
const BRIEF_ERRORS = 3;

/** Characters of a detail, of one in a list of problems, and of an error's path and message. What is longer is cut. */
const MAX_DETAIL = 2_000;
const MAX_BRIEF_DETAIL = 300;
const MAX_PATH = 128;
const MAX_MESSAGE = 256;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8';

/** A failure that the caller is told of. */
export class Problem extends HttpException {
  constructor(
    status: number,
    readonly problem: ProblemOptions,
  ) {
    super(problem.detail, status);
  }

  /** As it is sent: short, however long what it quotes. */
  get body(): ProblemBody {
    return this.within(MAX_DETAIL, SHOWN_ERRORS);
  }

  /** As it is sent among up to a thousand others. */
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

/** The beginning of a text that is too long, with its length. */
export function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max).toWellFormed()}… (${text.length} characters)`;
}

/** Characters of a wrong value that a message shows. */
const SHOWN_VALUE = 60;

/** A wrong value as a message shows it. A number that can be another than the one that was sent is not shown. */
export function shownValue(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' && !isExact(value))
    return 'a number too long or too large to be read exactly';
  const text = beginning(value, SHOWN_VALUE);
  return text.length > SHOWN_VALUE ? `${text.slice(0, SHOWN_VALUE).toWellFormed()}…` : text;
}

/** A value as JSON; what is longer than there is room for need not be whole. */
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

/** Significant digits of a decimal that a double keeps, whatever they are. */
const EXACT_DIGITS = 15;

/** Whether a number is what a sender meant who wrote at most 15 digits, or any integer: else it can have been rounded. */
function isExact(value: number): boolean {
  if (Number.isInteger(value)) return Number.isSafeInteger(value);
  return Number(value.toPrecision(EXACT_DIGITS)) === value;
}

/** Characters that JSON leaves as they are, and that would turn or end the line of a message. */
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;
/** A text of a caller may be quoted in it. */
const readable = (text: string) => text.replace(UNSEEN, escaped);
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * The answer to a header, or to a part of the path or the query, that is not as it should be.
 *
 * @param rule that names it, and says what is allowed
 */
export const badValue = (path: string, rule: string, value: unknown): Problem =>
  badField(path, `${rule}; it is ${shownValue(value)}`);

/** As `badValue`, where the message has the value already. */
export const badField = (path: string, message: string): Problem =>
  new Problem(400, { detail: message, errors: [{ path, message }] });

export const badRequest = (detail: string) => new Problem(400, { detail });
/** @param limit bytes */
export const tooLarge = (limit: number) =>
  new Problem(413, { code: 'too-large', detail: `the body is larger than ${limit} bytes: send less` });
export const notFound = (detail: string) => new Problem(404, { detail });
export const unavailable = (detail: string) =>
  new Problem(503, { code: 'unavailable', detail, headers: { 'Retry-After': '1' } });
