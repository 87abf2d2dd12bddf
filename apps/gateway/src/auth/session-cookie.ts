import type { IncomingHttpHeaders } from 'node:http';
import { parseCookie } from 'cookie';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AllowedOrigins } from '../http/server/allowed-origins.js';
import { SESSION_LIFETIME_MS } from './sessions.js';

declare module 'fastify' {
  interface FastifyInstance {
    /** Origins whose pages may write with the cookie, where it is sent from pages of other sites; otherwise undefined. */
    cookieOrigins: AllowedOrigins | undefined;
  }
}

/** @param origins with them, browsers send the cookie from frames in pages of other sites, too */
export function decideCookies(fastify: FastifyInstance, origins: AllowedOrigins | undefined): void {
  fastify.decorate('cookieOrigins', origins);
}

export const SESSION_COOKIE = 'questlog_session';

/** @returns the session token from the `Cookie` header; undefined when there is none, or when it cannot be a token */
export function readCookie({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  const token = parseCookie(cookie)[SESSION_COOKIE];
  return token !== undefined && /^[\w-]+$/.test(token) ? token : undefined;
}

/** Stores the token in the browser for as long as the session lasts. Scripts cannot read it. */
export function setCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  write(request, reply, token, SESSION_LIFETIME_MS / 1_000);
}

export function clearCookie(request: FastifyRequest, reply: FastifyReply): void {
  write(request, reply, '', 0);
}

/** Fastify detects TLS by the connection, or by `X-Forwarded-Proto` from a proxy in `TRUST_PROXY`. */
function write(request: FastifyRequest, reply: FastifyReply, token: string, maxAge: number): void {
  const isFramed = request.server.cookieOrigins !== undefined;
  const site = isFramed ? 'SameSite=None' : 'SameSite=Lax';
  // Partitioned: a game in the frames of two portals has two sessions, and browsers accept the cookie at all.
  const ending = isFramed ? '; Secure; Partitioned' : request.protocol === 'https' ? '; Secure' : '';
  const attributes = `HttpOnly; ${site}; Path=/; Max-Age=${maxAge}${ending}`;
  reply.header('Set-Cookie', `${SESSION_COOKIE}=${token}; ${attributes}`);
}
