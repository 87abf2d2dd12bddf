import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { Problem } from '../http/problem.js';
import { Callers } from './callers.js';

const PUBLIC = 'questlog:public';

/** A route that needs no credentials, unless the player in its path is `me`. */
export const Public = () => SetMetadata(PUBLIC, true);

const ADMIN = 'questlog:admin';

/** A route for operators. */
export const AdminOnly = () => SetMetadata(ADMIN, true);

type Request = FastifyRequest<{ Params: { player?: string } }> & { caller?: Actor };

/** Who calls. Only on routes that are not public. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { caller } = context.switchToHttp().getRequest<Request>();
  if (!caller) throw new Error('@Caller() on a public route: there need not be one');
  return caller;
});

/** Finds out who calls where that matters, whom they mean by `me`, and keeps all but operators from their routes. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly callers: Callers,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Problem 401, 403 */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const marked = (mark: string) =>
      this.reflector.getAllAndOverride<boolean>(mark, [context.getHandler(), context.getClass()]);
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const { params } = request;
    if (marked(PUBLIC) && params.player !== 'me') return true;
    const caller = await this.callers.identify(request, http.getResponse<FastifyReply>());
    if (marked(ADMIN) && caller.kind !== 'admin')
      throw new Problem(403, { detail: 'this is for operators: use an admin key' });
    // Pipes, which refuse the `me` of a key, and handlers need not know that it was written so.
    if (params.player === 'me' && caller.kind === 'player') params.player = caller.id;
    request.caller = caller;
    return true;
  }
}
