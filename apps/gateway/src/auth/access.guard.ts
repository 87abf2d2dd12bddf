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
import { ofRoute } from '../http/route-marks.js';
import type { CallerRequest } from './caller.guard.js';
import { comesFromAnotherSite, unknownCaller } from './callers.js';

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

const marksOf = ofRoute(read => ({
  isPublic: read(PUBLIC) === true,
  isForAdmins: read(ADMIN) === true,
  isForOwnPlayer: read(OWN) === true,
  isNotForServers: read(NO_SERVERS) === true,
}));

/** Keeps callers from what is not theirs. */
@Injectable()
export class AccessGuard implements CanActivate {
  /** @throws Problem 401, 403 */
  canActivate(context: ExecutionContext): boolean {
    const { isPublic, isForAdmins, isForOwnPlayer, isNotForServers } = marksOf(context);
    const request = context.switchToHttp().getRequest<CallerRequest>();
    const { caller, params } = request;
    if (isPublic && params.player !== 'me') return true;
    if (!caller) throw unknownCaller(request);
    if (comesFromAnotherSite(request))
      throw forbidden('a session in a cookie writes from its own site only: send a bearer token');
    if (isForAdmins && caller.kind !== 'admin') throw forbidden('this is for operators: use an admin key');
    if (isNotForServers && caller.kind === 'server')
      throw forbidden('this is for the player and for operators: use an admin key');
    if (isForOwnPlayer && caller.kind === 'player' && caller.id !== params.player)
      throw forbidden(`you are ${caller.id}, not ${params.player}`);
    return true;
  }
}

const forbidden = (detail: string) => new Problem(403, { detail });
