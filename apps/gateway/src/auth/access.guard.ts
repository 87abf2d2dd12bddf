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
import { comesFromAnotherSite, unknownCaller } from './sent-token.js';

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

/** As `OwnPlayerOnly`, but of keys, only an operator's acts for any: what is a player's own business, and not a game's. */
export const OwnPlayerOrAdmin = () => applyDecorators(SetMetadata(NO_SERVERS, true), OwnPlayerOnly());

const KEYS = 'questlog:keys';

/** A route for servers and operators. */
export const KeysOnly = () =>
  applyDecorators(SetMetadata(KEYS, true), ApiBearerAuth(), ApiProblems(401, 403));

const REFUSES = 'questlog:refuses';

/** Why a caller may not do what a body asks for, as far as that can be seen at a glance. */
type Refuses = (request: CallerRequest) => Problem | undefined;

/** A route on which the body says for whom it is: who is refused for that counts by address, as others who have no right to it. */
export const RefusesWhen = (refuses: Refuses) => SetMetadata(REFUSES, refuses);

const marksOf = routeMetadata(read => ({
  isPublic: read(PUBLIC) === true,
  isForAdmins: read(ADMIN) === true,
  isForOwnPlayer: read(OWN) === true,
  isNotForServers: read(NO_SERVERS) === true,
  isForKeys: read(KEYS) === true,
  refuses: read<Refuses>(REFUSES),
}));

/** Keeps callers from what is not theirs. */
@Injectable()
export class AccessGuard implements CanActivate {
  /** @throws Problem 401, 403 */
  canActivate(context: ExecutionContext): boolean {
    const refusal = accessRefusal(context);
    if (refusal) throw refusal;
    return true;
  }
}

/** Why a caller has no right to a route, by what is known before its handler runs: 401 or 403; nothing when it has. */
export function accessRefusal(context: ExecutionContext): Problem | undefined {
  const marks = marksOf(context);
  const request = context.switchToHttp().getRequest<CallerRequest>();
  const { caller, params } = request;
  if (marks.isPublic && params.player !== 'me') return undefined;
  if (!caller) return unknownCaller(request);
  if (comesFromAnotherSite(request))
    return forbidden('a session in a cookie writes from its own site only: send a bearer token');
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

/** Whether the handler will refuse a caller for what is in the body: it says so, unless the body is wrong before that. */
export const willRefuse = (context: ExecutionContext): boolean =>
  marksOf(context).refuses?.(context.switchToHttp().getRequest<CallerRequest>()) !== undefined;

const forbidden = (detail: string) => new Problem(403, { detail });
