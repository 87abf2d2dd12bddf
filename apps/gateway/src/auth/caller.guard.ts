import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '#libs/events';
import { Problem } from '../http/problem.js';
import { KeyRing } from './key-ring.js';

const PUBLIC = 'questlog:public';

/** A route that needs no credentials. */
export const Public = () => SetMetadata(PUBLIC, true);

const ADMIN = 'questlog:admin';

/** A route for operators. */
export const AdminOnly = () => SetMetadata(ADMIN, true);

type Request = FastifyRequest & { caller?: Actor };

/** Who calls. Only on routes that are not public. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { caller } = context.switchToHttp().getRequest<Request>();
  if (!caller) throw new Error('@Caller() on a public route: there need not be one');
  return caller;
});

/** Finds out who calls, by the bearer token, and keeps all but operators from their routes. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly keys: KeyRing,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Problem 401, 403 */
  canActivate(context: ExecutionContext): boolean {
    const marked = (mark: string) =>
      this.reflector.getAllAndOverride<boolean>(mark, [context.getHandler(), context.getClass()]);
    if (marked(PUBLIC)) return true;
    const request = context.switchToHttp().getRequest<Request>();
    request.caller = this.identify(request);
    if (marked(ADMIN) && request.caller.kind !== 'admin')
      throw new Problem(403, { detail: 'this is for operators: use an admin key' });
    return true;
  }

  private identify(request: Request): Actor {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const caller = token && this.keys.find(token);
    if (caller) return caller;
    const detail = token
      ? 'this key is not known here'
      : 'send a key: "Authorization: Bearer <key>"; `npm start` prints the ones it made';
    throw new Problem(401, { detail, headers: { 'WWW-Authenticate': 'Bearer realm="questlog"' } });
  }
}
