import { type CanActivate, createParamDecorator, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { beginTime } from '../http/server/deadline.js';
import { Callers } from './callers.js';

/** A request, and who sent it once that is known. */
export type CallerRequest = FastifyRequest<{ Params: { player?: string } }> & { caller?: Actor | undefined };

/** Who calls. Only on routes that are not public. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext): Actor => callerOf(context),
);

export function callerOf(context: ExecutionContext): Actor {
  const { caller } = context.switchToHttp().getRequest<CallerRequest>();
  if (!caller) throw new Error('@Caller() and @Write() need a route that is not public');
  return caller;
}

/** Finds out who calls, and whom they mean by `me`. Whether they may is for `AccessGuard` to say. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(private readonly callers: Callers) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<CallerRequest>();
    const { params } = request;
    beginTime(request, http.getResponse<FastifyReply>());
    const caller = await this.callers.find(request, http.getResponse<FastifyReply>());
    // Pipes, which refuse the `me` of a key, and handlers need not know that it was written so.
    if (params.player === 'me' && caller?.kind === 'player') params.player = caller.id;
    request.caller = caller;
    return true;
  }
}
