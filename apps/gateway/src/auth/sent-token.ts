import type { FastifyRequest } from 'fastify';
import { Problem, shownValue } from '../http/problem.js';
import type { AllowedOrigins } from '../http/server/allowed-origins.js';
import { readCookie } from './session-cookie.js';

/** A cookie counts only in a request without an `Authorization` header. */
export const isFromCookie = ({ headers }: FastifyRequest) => headers.authorization === undefined;

/** The key or session token of a request; nothing when it has none. */
export function sentToken({ headers }: FastifyRequest): string | undefined {
  if (headers.authorization === undefined) return readCookie(headers);
  return /^Bearer +(\S+)$/i.exec(headers.authorization)?.[1];
}

export const unauthorized = (detail: string, options: { code?: string } = {}) =>
  new Problem(401, { ...options, detail, headers: { 'WWW-Authenticate': 'Bearer realm="questlog"' } });

/** The 401 for a request without credentials, or with unknown ones. */
export function unknownCaller(request: FastifyRequest): Problem {
  return unauthorized(
    sentToken(request) === undefined
      ? 'send a server or admin key, or a session token: "Authorization: Bearer <key or token>"; `npm start` prints the keys it made, and POST /v1/sessions begins a session'
      : 'the key or session token is unknown, or the session has ended',
  );
}

/** The reason to refuse a write, or nothing. Browsers send the session cookie even with requests made by other sites' pages. */
export function forgedWrite(request: FastifyRequest): string | undefined {
  const { method, headers, server } = request;
  if (!isFromCookie(request) || method === 'GET' || method === 'HEAD') return undefined;
  if (server.cookieOrigins) return foreignOrigin(request, server.cookieOrigins);
  return headers['sec-fetch-site'] === 'cross-site'
    ? 'a session cookie allows writes from the same site only: send a bearer token'
    : undefined;
}

/** With `SameSite=None`, only the Origin header tells our own pages from the pages of other sites. */
function foreignOrigin(request: FastifyRequest, allowed: AllowedOrigins): string | undefined {
  const { origin } = request.headers;
  // Behind a proxy that terminates TLS, the protocol is http unless the proxy is trusted.
  const own = [`${request.protocol}://${request.host}`, `https://${request.host}`];
  if (origin !== undefined && (own.includes(origin) || allowed.has(origin))) return undefined;
  const sent = origin === undefined ? 'there is none' : `it is ${shownValue(origin)}`;
  return `a write with a session cookie needs an Origin that is this server's or in CORS_ORIGINS, but ${sent}: send a bearer token`;
}
