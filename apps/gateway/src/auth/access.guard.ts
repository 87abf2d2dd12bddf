import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { ApiPlayer, ApiProblems } from '../http/api-docs.js';
import { Problem } from '../http/problem.js';
import { routeMetadata } from '../http/route-metadata.js';
import type { CallerRequest } from './caller.guard.js';
import { forgedWrite, unknownCaller } from './sent-token.js';

const PUBLIC = 'questlog:public';

/** A route that needs no credentials, unless the player in its path is `me`. */
export const Public = () => SetMetadata(PUBLIC, true);

const ADMIN = 'questlog:admin';

/** A route for operators. */
export const AdminOnly = () =>
  applyDecorators(SetMetadata(ADMIN, true), ApiBearerAuth(), ApiProblems(401, 403));

const OWN = 'questlog:own';

/** A route on which players act for themselves only: for the player in its path. Keys act for any. */
export const OwnPlayerOnly = () =>
  applyDecorators(SetMetadata(OWN, true), ApiPlayer(), ApiProblems(401, 403));

const NO_SERVERS = 'questlog:no-servers';

/** Like `OwnPlayerOnly`, but of the keys only an operator's may be used: for personal data, which a game server must not see. */
export const OwnPlayerOrAdmin = () => applyDecorators(SetMetadata(NO_SERVERS, true), OwnPlayerOnly());

const KEYS = 'questlog:keys';

/** A route for servers and operators. */
export const KeysOnly = () =>
  applyDecorators(SetMetadata(KEYS, true), ApiBearerAuth(), ApiProblems(401, 403));

const REFUSES = 'questlog:refuses';

/** Returns why the caller may not do what the body asks for, if a cheap look at the body can tell. */
type Refuses = (request: CallerRequest) => Problem | undefined;

/**
 * A route whose body names the player it is for. A caller who may not act for that player is rate limited by address, like
 * every caller that `AccessGuard` refuses.
 */
export const RefusesWhen = (refuses: Refuses) => SetMetadata(REFUSES, refuses);

const marksOf = routeMetadata(read => ({
  isPublic: read(PUBLIC) === true,
  isForAdmins: read(ADMIN) === true,
  isForOwnPlayer: read(OWN) === true,
  isNotForServers: read(NO_SERVERS) === true,
  isForKeys: read(KEYS) === true,
  refuses: read<Refuses>(REFUSES),
}));

/** Refuses callers that may not use a route. */
@Injectable()
export class AccessGuard implements CanActivate {
  /** @throws Problem 401, 403 */
  canActivate(context: ExecutionContext): boolean {
    const refusal = accessRefusal(context);
    if (refusal) throw refusal;
    return true;
  }
}

/** The 401 or 403 for a caller that may not use the route; nothing when it may, as far as is known before the handler runs. */
export function accessRefusal(context: ExecutionContext): Problem | undefined {
  const marks = marksOf(context);
  const request = context.switchToHttp().getRequest<CallerRequest>();
  const { caller, params } = request;
  if (marks.isPublic && params.player !== 'me') return undefined;
  if (!caller) return unknownCaller(request);
  const forgery = forgedWrite(request);
  if (forgery !== undefined) return forbidden(forgery);
  if (marks.isForAdmins && caller.kind !== 'admin')
    return forbidden('this is for operators: use an admin key');
  if (marks.isForKeys && caller.kind === 'player')
    return forbidden('this is for servers and operators: use a key');
  if (marks.isNotForServers && caller.kind === 'server')
    return forbidden('this is for the player and for operators: use an admin key');
  if (marks.isForOwnPlayer && caller.kind === 'player' && caller.id !== params.player)
    return forbidden(`you are ${caller.id}, not ${params.player}`);
  return undefined;
}

/** Whether the handler will refuse the caller because of the body (`RefusesWhen`). */
export const willRefuse = (context: ExecutionContext): boolean =>
  marksOf(context).refuses?.(context.switchToHttp().getRequest<CallerRequest>()) !== undefined;

const forbidden = (detail: string) => new Problem(403, { detail });
