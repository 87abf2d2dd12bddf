import { type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { LimitedClass } from '#libs/config';

/** What a request counts for. */
export type Cost = (request: FastifyRequest) => number;

interface Marked {
  readonly name: LimitedClass | 'none';
  readonly cost: Cost;
}

const RATE_CLASS = 'questlog:rate-class';
const one: Cost = () => 1;
const READ: Marked = { name: 'read', cost: one };
const WRITE: Marked = { name: 'write', cost: one };

/** A route that is limited together with the others of its class. Without it, a GET is a read and all else a write. */
export const RateClass = (name: Marked['name'], cost = one) =>
  SetMetadata<string, Marked>(RATE_CLASS, { name, cost });

export function rateClassOf(context: ExecutionContext, reflector: Reflector): Marked {
  const targets = [context.getHandler(), context.getClass()];
  const { method } = context.switchToHttp().getRequest<FastifyRequest>();
  return (
    reflector.getAllAndOverride<Marked | undefined>(RATE_CLASS, targets) ??
    (method === 'GET' || method === 'HEAD' ? READ : WRITE)
  );
}
