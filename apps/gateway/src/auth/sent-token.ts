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
 * Why a write with the player's cookie is refused: a page of another site may have made it. Browsers send cookies with such
 * requests.
 */
export function forgedWrite(request: FastifyRequest): string | undefined {
  const { method, headers, server } = request;
  if (!isFromCookie(request) || method === 'GET' || method === 'HEAD') return undefined;
  if (server.cookieOrigins) return foreignOrigin(request, server.cookieOrigins);
  return headers['sec-fetch-site'] === 'cross-site'
    ? 'a session in a cookie writes from its own site only: send a bearer token'
    : undefined;
}

/** With `SameSite=None`, only the origin tells our pages from those of others. */
function foreignOrigin(request: FastifyRequest, allowed: AllowedOrigins): string | undefined {
  const { origin } = request.headers;
  // Behind a proxy that ends TLS, the protocol is http unless the proxy is trusted.
  const own = [`${request.protocol}://${request.host}`, `https://${request.host}`];
  if (origin !== undefined && (own.includes(origin) || allowed.has(origin))) return undefined;
  const sent = origin === undefined ? 'there is none' : `it is ${shownValue(origin)}`;
  return `a session in a cookie writes with an Origin that is this server's or in CORS_ORIGINS, and ${sent}: send a bearer token`;
}
