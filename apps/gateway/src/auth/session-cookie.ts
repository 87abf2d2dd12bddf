import type { IncomingHttpHeaders } from 'node:http';
import { parseCookie } from 'cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_LIFETIME_MS } from './sessions.js';

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
  const secure = request.protocol === 'https' ? '; Secure' : '';
  const attributes = `HttpOnly; SameSite=Lax; Path=/; Max-Age=${maxAge}${secure}`;
  reply.header('Set-Cookie', `${SESSION_COOKIE}=${token}; ${attributes}`);
}
