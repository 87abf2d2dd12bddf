import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { Problem } from '../http/problem.js';
import { KeyRing } from './key-ring.js';
import { readCookie, setCookie } from './session-cookie.js';
import { Sessions } from './sessions.js';

/** Finds out who calls: by a key, or by a session's token as bearer or, without that header, in the cookie. */
@Injectable()
export class Callers {
  constructor(
    private readonly keys: KeyRing,
    private readonly sessions: Sessions,
  ) {}

  /** @throws Problem 401, and 403 for what another site makes a browser send */
  async identify(request: FastifyRequest, reply: FastifyReply): Promise<Actor> {
    const token = sentToken(request);
    if (token === undefined) {
      throw unauthorized(
        'send a key or the token of a session: "Authorization: Bearer <it>"; `npm start` prints the keys it made, and POST /v1/sessions begins a session',
      );
    }
    const key = isFromCookie(request) ? undefined : this.keys.find(token);
    if (key) return key;
    const session = await this.sessions.find(token);
    if (!session) throw unauthorized('this is no key, and no session or one that has ended');
    if (isFromCookie(request)) {
      refuseOtherSites(request);
      if (session.slid) setCookie(request, reply, token);
    }
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

/** A browser sends its cookies along with what any page asks for, and says whose page it was. */
function refuseOtherSites({ method, headers }: FastifyRequest): void {
  if (method === 'GET' || method === 'HEAD' || headers['sec-fetch-site'] !== 'cross-site') return;
  throw new Problem(403, {
    detail: 'a session in a cookie writes from its own site only: send a bearer token',
  });
}
