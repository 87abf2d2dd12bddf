import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { LimitedClass } from '#libs/config';
import type { BoardCatalog } from '#libs/leaderboards';
import type { CallerRequest } from '../auth/caller.guard.js';
import { routeMetadata } from '../http/route-metadata.js';

/** How much a request takes of its limit. */
export type Cost = (request: FastifyRequest) => number;

type ClassName = LimitedClass | 'none';

interface Marked<Name = ClassName> {
  readonly name: Name;
  readonly cost: Cost;
}

/** The class can depend on the request: a guest's first call is a login, a later one a read. */
type ClassOf = (request: CallerRequest) => ClassName;

const RATE_CLASS = 'questlog:rate-class';
const one: Cost = () => 1;
const READ: Marked = { name: 'read', cost: one };
const WRITE: Marked = { name: 'write', cost: one };

/** The class of rate limit that a route counts for. Without it, GET and HEAD are reads, and everything else is a write. */
export const RateClass = (name: ClassName | ClassOf, cost = one) =>
  SetMetadata<string, Marked<ClassName | ClassOf>>(RATE_CLASS, { name, cost });

const SCORE_OF_BOARD = 'questlog:score-of-board';

/** A route that takes a score for the board in its path. */
export const ScoreOfBoard = () => SetMetadata(SCORE_OF_BOARD, true);

const scoreOf = routeMetadata(read => ({ isScore: read(SCORE_OF_BOARD) === true }));

/**
 * Whether a player submits to a board for servers only, by the cached definition. The cache can be old: the score itself is
 * refused only after a look at the current definition.
 */
export function isForServers(
  context: ExecutionContext,
  boards: Pick<BoardCatalog, 'cachedOrDefault'>,
): boolean {
  if (!scoreOf(context).isScore) return false;
  const { caller, params } = context.switchToHttp().getRequest<CallerRequest>();
  const { board } = params as { board?: string };
  return caller?.kind === 'player' && boards.cachedOrDefault(board ?? '').definition.submit === 'servers';
}

const markOf = routeMetadata(read => ({ marked: read<Marked<ClassName | ClassOf>>(RATE_CLASS) }));

export function rateClassOf(context: ExecutionContext): Marked {
  const { marked } = markOf(context);
  const request = context.switchToHttp().getRequest<CallerRequest>();
  if (!marked) return request.method === 'GET' || request.method === 'HEAD' ? READ : WRITE;
  const { name, cost } = marked;
  return { name: typeof name === 'function' ? name(request) : name, cost };
}
