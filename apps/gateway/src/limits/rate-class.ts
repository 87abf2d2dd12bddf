import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { LimitedClass } from '#libs/config';
import type { CallerRequest } from '../auth/caller.guard.js';
import { ofRoute } from '../http/route-marks.js';

/** What a request counts for. */
export type Cost = (request: FastifyRequest) => number;

type ClassName = LimitedClass | 'none';

interface Marked<Name = ClassName> {
  readonly name: Name;
  readonly cost: Cost;
}

/** What a route does can depend on who calls. */
type ClassOf = (request: CallerRequest) => ClassName;

const RATE_CLASS = 'questlog:rate-class';
const one: Cost = () => 1;
const READ: Marked = { name: 'read', cost: one };
const WRITE: Marked = { name: 'write', cost: one };

/** A route that is limited together with the others of its class. Without it, a GET is a read and all else a write. */
export const RateClass = (name: ClassName | ClassOf, cost = one) =>
  SetMetadata<string, Marked<ClassName | ClassOf>>(RATE_CLASS, { name, cost });

const markOf = ofRoute(read => ({ marked: read<Marked<ClassName | ClassOf>>(RATE_CLASS) }));

export function rateClassOf(context: ExecutionContext): Marked {
  const { marked } = markOf(context);
  const request = context.switchToHttp().getRequest<CallerRequest>();
  if (!marked) return request.method === 'GET' || request.method === 'HEAD' ? READ : WRITE;
  const { name, cost } = marked;
  return { name: typeof name === 'function' ? name(request) : name, cost };
}
