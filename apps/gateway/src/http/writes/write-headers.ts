import type { IncomingHttpHeaders } from 'node:http';
import { badRequest, badValue } from '../problem.js';
import { elementsOf } from './list-header.js';

/** The longest `Prefer: wait`. */
const MAX_WAIT_S = 10;

/**
 * How many seconds the client waits for the projections; 0 when it does not. Other preferences are ignored.
 *
 * @throws Problem 400 unless it is a number above 0 and at most 10
 */
export function waitPreference({ prefer }: IncomingHttpHeaders): number {
  const preferences = elementsOf(prefer).flatMap(element => element.split(';'));
  const wait = preferences.map(waitIn).find(value => value !== undefined);
  if (wait === undefined) return 0;
  const seconds = Number(wait || Number.NaN);
  if (!(seconds > 0 && seconds <= MAX_WAIT_S)) {
    const rule = `Prefer: wait=N must ask for more than 0 and at most ${MAX_WAIT_S} seconds`;
    throw badValue('Prefer', rule, `wait=${wait}`);
  }
  return seconds;
}

/** The value of a `wait` preference without quotes; nothing for another preference. */
function waitIn(preference: string): string | undefined {
  const [name = '', ...rest] = preference.split('=');
  if (rest.length === 0 || name.trim().toLowerCase() !== 'wait') return undefined;
  const value = rest.join('=').trim();
  const unquoted = value.slice(value.startsWith('"') ? 1 : 0, value.endsWith('"') ? -1 : undefined);
  return unquoted.includes('"') ? undefined : unquoted;
}

export function isIdempotencyKey(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value);
}

/** @throws Problem 400 when the key is not 1 to 128 visible ASCII characters */
export function idempotencyKey(headers: IncomingHttpHeaders): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (!isIdempotencyKey(key)) {
    throw badValue('Idempotency-Key', 'Idempotency-Key must be 1 to 128 visible ASCII characters', key);
  }
  return key;
}

/** For routes that append many events, each with its own key. @throws Problem 400 when there is the header */
export function refuseIdempotencyKey(headers: IncomingHttpHeaders): void {
  if (headers['idempotency-key'] !== undefined)
    throw badRequest('Idempotency-Key is for one event: give each score an idempotencyKey instead');
}

/** The request's W3C trace, if it is well-formed. */
export function traceParent({ traceparent }: IncomingHttpHeaders): string | undefined {
  return typeof traceparent === 'string' &&
    /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/.test(traceparent)
    ? traceparent
    : undefined;
}

/** The versions that a write expects: any, exactly one (0 for "none exists"), or one of several. */
export type ExpectedVersions = number | 'existing' | readonly number[];

/**
 * The versions that a write expects: those that `If-Match` lists or any, or with `If-None-Match: *` none (0). Proxies that
 * compress turn tags into weak ones, which name the same version.
 *
 * @throws Problem 400 for other forms, and for both headers at once
 */
export function expectedVersion(headers: IncomingHttpHeaders): ExpectedVersions | undefined {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match === undefined && noneMatch === undefined) return undefined;
  if (match !== undefined && noneMatch !== undefined) {
    throw badRequest('If-Match and If-None-Match contradict each other: send one');
  }
  if (noneMatch !== undefined) {
    if (isAny(elementsOf(noneMatch))) return 0;
    const rule = 'If-None-Match must be * on a write ("when there is none yet")';
    throw badValue('If-None-Match', rule, noneMatch);
  }
  return matched(match ?? '');
}

const isAny = (tags: readonly string[]) => tags.length === 1 && tags[0] === '*';

function matched(header: string): ExpectedVersions {
  const tags = elementsOf(header);
  if (isAny(tags)) return 'existing';
  const versions = tags.map(tag => Number(/^(?:W\/)?"([1-9]\d{0,14})"$/.exec(tag)?.[1]));
  const [first = Number.NaN, ...others] = new Set(versions);
  if (versions.length === 0 || versions.some(Number.isNaN))
    throw badValue(
      'If-Match',
      'If-Match must be * or versions as GET gave them in ETag, such as "3" or "3", "4"',
      header,
    );
  return others.length === 0 ? first : [first, ...others];
}

/** The precondition of a write. */
export interface WriteCondition {
  readonly expected: ExpectedVersions | undefined;
  /** The latest time at which the current version may have been written. Milliseconds since 1970, in whole seconds. */
  readonly unmodifiedSince: number | undefined;
}

/** @throws Problem 400 as `expectedVersion` */
export function writeCondition(headers: IncomingHttpHeaders): WriteCondition {
  const expected = expectedVersion(headers);
  const since = headers['if-unmodified-since'];
  const isAsked = expected === undefined && since !== undefined;
  return { expected, unmodifiedSince: isAsked ? httpDate(since) : undefined };
}

/** The three date formats of HTTP (RFC 9110, 5.6.7). The last one is in GMT without saying so. */
const DATES = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
];

/** @returns milliseconds since 1970; nothing for an invalid date, which HTTP says to ignore */
function httpDate(text: string): number | undefined {
  if (!DATES.some(form => form.test(text))) return undefined;
  const time = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : time;
}
