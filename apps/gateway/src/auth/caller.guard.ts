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

type Request = FastifyRequest & { caller?: Actor };

/** Who calls. Only on routes that are not public. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { caller } = context.switchToHttp().getRequest<Request>();
  if (!caller) throw new Error('@Caller() on a public route: there need not be one');
  return caller;
});

/** Finds out who calls, by the bearer token. */
@Injectable()
export class CallerGuard implements CanActivate {
  constructor(
    private readonly keys: KeyRing,
    private readonly reflector: Reflector,
  ) {}

  /** @throws Problem 401 */
  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, [context.getHandler(), context.getClass()]))
      return true;
    const request = context.switchToHttp().getRequest<Request>();
    const [, token] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const caller = token && this.keys.find(token);
    if (caller) {
      request.caller = caller;
      return true;
    }
    const detail = token
      ? 'this key is not known here'
      : 'send a key: "Authorization: Bearer <key>"; `npm start` prints the ones it made';
    throw new Problem(401, { detail, headers: { 'WWW-Authenticate': 'Bearer realm="questlog"' } });
  }
}
