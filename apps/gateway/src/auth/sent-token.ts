import type { FastifyRequest } from 'fastify';
import { Problem } from '../http/problem.js';
import { readCookie } from './session-cookie.js';

/** A cookie counts only in a request without an `Authorization` header. */
export const isFromCookie = ({ headers }: FastifyRequest) => headers.authorization === undefined;

/** The key or session token of a request; nothing when it has none. */
export function sentToken({ headers }: FastifyRequest): string | undefined {
  if (headers.authorization === undefined) return readCookie(headers);
  return /^Bearer +(\S+)$/i.exec(headers.authorization)?.[1];
}

export const unauthorized = (detail: string) =>
  new Problem(401, { detail, headers: { 'WWW-Authenticate': 'Bearer realm="questlog"' } });

/** The 401 for a request without credentials, or with unknown ones. */
export function unknownCaller(request: FastifyRequest): Problem {
  return unauthorized(
    sentToken(request) === undefined
      ? 'send a key or the token of a session: "Authorization: Bearer <it>"; `npm start` prints the keys it made, and POST /v1/sessions begins a session'
      : 'this is no key, and no session or one that has ended',
  );
}

/**
 * Whether a page of another site makes a write with the player's cookie. Browsers send cookies with such requests, and
 * say in `Sec-Fetch-Site` where the page is from.
 */
export function comesFromAnotherSite(request: FastifyRequest): boolean {
  const { method, headers } = request;
  return (
    isFromCookie(request) &&
    method !== 'GET' &&
    method !== 'HEAD' &&
    headers['sec-fetch-site'] === 'cross-site'
  );
}
