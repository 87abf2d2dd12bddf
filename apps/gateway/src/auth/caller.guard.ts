import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { beginTime } from '../http/server/deadline.js';
import { Authenticator } from './authenticator.js';
import { isFromCookie, sentToken } from './sent-token.js';
import { setCookie } from './session-cookie.js';
import type { Session } from './sessions.js';

/** A request with its authenticated caller, and the session of a player. `CallerGuard` sets both. */
export type CallerRequest = FastifyRequest<{ Params: { player?: string } }> & {
  caller?: Actor | undefined;
  session?: Session | undefined;
};

/** The caller, on routes that are not public. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext): Actor => callerOf(context),
);

export function callerOf(context: ExecutionContext): Actor {
  const { caller } = context.switchToHttp().getRequest<CallerRequest>();
  if (!caller) throw new Error('@Caller() and @Write() need a route that is not public');
  return caller;
}

/**
 * Authenticates the caller, and replaces `me` in the path by the player's id. Whether the caller may do what it asks for is
 * decided by `AccessGuard`.
 */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<CallerRequest>();
    const reply = http.getResponse<FastifyReply>();
    beginTime(request, reply);
    const token = sentToken(request);
    if (token === undefined) return true;
    const isCookie = isFromCookie(request);
    const authenticated = await this.authenticator.authenticate(token, isCookie);
    if (!authenticated) return true;
    const { actor, session } = authenticated;
    // The browser's cookie must last as long as the session.
    if (isCookie && session?.isExtended) setCookie(request, reply, token);
    // A key's `me` stays: the pipe of the path parameter refuses it.
    if (request.params.player === 'me' && actor.kind === 'player') request.params.player = actor.id;
    request.caller = actor;
    request.session = session;
    return true;
  }
}
