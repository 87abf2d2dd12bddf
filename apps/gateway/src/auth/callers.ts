import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { Problem } from '../http/problem.js';
import { KeyRing } from './key-ring.js';
import { readCookie, setCookie } from './session-cookie.js';
import { Sessions } from './sessions.js';
import { hashOf } from './token-hash.js';

/** Finds out who calls: by a key, or by a session's token as bearer or, without that header, in the cookie. */
@Injectable()
export class Callers {
  constructor(
    private readonly keys: KeyRing,
    private readonly sessions: Sessions,
  ) {}

  /** @returns nothing for no credentials, and for unknown ones */
  async find(request: FastifyRequest, reply: FastifyReply): Promise<Actor | undefined> {
    const token = sentToken(request);
    if (token === undefined) return undefined;
    const hash = hashOf(token);
    const key = isFromCookie(request) ? undefined : this.keys.find(hash);
    if (key) return key;
    const session = await this.sessions.find(hash);
    if (!session) return undefined;
    if (isFromCookie(request) && session.slid) setCookie(request, reply, token);
    return { kind: 'player', id: session.player };
  }
}

export const isFromCookie = ({ headers }: FastifyRequest) => headers.authorization === undefined;

export function sentToken({ headers }: FastifyRequest): string | undefined {
  if (headers.authorization === undefined) return readCookie(headers);
  return /^Bearer +(\S+)$/i.exec(headers.authorization)?.[1];
}

export const unauthorized = (detail: string) =>
  new Problem(401, { detail, headers: { 'WWW-Authenticate': 'Bearer realm="questlog"' } });

/** The answer to a request that is from nobody known. */
export function unknownCaller(request: FastifyRequest): Problem {
  return unauthorized(
    sentToken(request) === undefined
      ? 'send a key or the token of a session: "Authorization: Bearer <it>"; `npm start` prints the keys it made, and POST /v1/sessions begins a session'
      : 'this is no key, and no session or one that has ended',
  );
}

/** A browser sends its cookies along with what any page asks for, and says whose page it was. */
export function comesFromAnotherSite(request: FastifyRequest): boolean {
  const { method, headers } = request;
  return (
    isFromCookie(request) &&
    method !== 'GET' &&
    method !== 'HEAD' &&
    headers['sec-fetch-site'] === 'cross-site'
  );
}
