import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { SESSION_LIFETIME_MS } from './sessions.js';

export const SESSION_COOKIE = 'questlog_session';

/** The token that a browser keeps. */
export function readCookie({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  const tokens = cookie.split(';').map(tokenIn);
  return tokens.find(token => token !== undefined);
}

function tokenIn(pair: string): string | undefined {
  const trimmed = pair.trim();
  const token = trimmed.slice(SESSION_COOKIE.length + 1);
  return trimmed.startsWith(`${SESSION_COOKIE}=`) && /^[\w-]+$/.test(token) ? token : undefined;
}

/** Lets the browser keep the token for as long as the session lasts, out of reach of scripts. */
export function setCookie(request: FastifyRequest, reply: FastifyReply, token: string): void {
  write(request, reply, token, SESSION_LIFETIME_MS / 1_000);
}

export function clearCookie(request: FastifyRequest, reply: FastifyReply): void {
  write(request, reply, '', 0);
}

/** Fastify knows of TLS by the connection, or by `X-Forwarded-Proto` where `TRUST_PROXY` says so. */
function write(request: FastifyRequest, reply: FastifyReply, token: string, maxAge: number): void {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  const attributes = `HttpOnly; SameSite=Lax; Path=/; Max-Age=${maxAge}${secure}`;
  reply.header('Set-Cookie', `${SESSION_COOKIE}=${token}; ${attributes}`);
}
