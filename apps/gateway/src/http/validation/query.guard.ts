import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { unknownName, withValue } from './field-rules.js';
import { queryParametersOf } from './query-parameters.js';
import { invalid } from './validation.js';

/** Every read takes it (`AppliedGuard`). */
const OF_READS = 'ifApplied';

/**
 * Refuses unknown query parameters on routes of `/v1`. Otherwise a misspelt one would be ignored silently.
 *
 * @throws Problem 400 that names them
 */
@Injectable()
export class QueryGuard implements CanActivate {
  private readonly known = new WeakMap<object, WeakMap<object, ReadonlySet<string>>>();

  canActivate(context: ExecutionContext): boolean {
    const { query, method, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    const sent = Object.entries(query as Record<string, unknown>);
    if (sent.length === 0 || !routeOptions.url?.startsWith('/v1/')) return true;
    const known = this.knownTo(context);
    const takes = (name: string) => known.has(name) || (name === OF_READS && isRead(method));
    const unknown = sent.filter(([name]) => !takes(name));
    const twice = sent.filter(([name, value]) => takes(name) && Array.isArray(value));
    if (unknown.length === 0 && twice.length === 0) return true;
    const names = [...new Set([...known, ...(isRead(method) ? [OF_READS] : [])])];
    throw invalid([
      ...unknown.slice(0, SHOWN).map(([name, value]) => ({
        path: name.slice(0, SHOWN_NAME),
        message: unknownName('query parameter', name, value, names),
      })),
      ...twice.map(([path, value]) => ({
        path,
        message: withValue(`${path} is sent more than once: send it once`, value),
      })),
    ]);
  }

  private knownTo(context: ExecutionContext): ReadonlySet<string> {
    const [controller, handler] = [context.getClass(), context.getHandler()];
    const routes = this.known.get(controller) ?? new WeakMap<object, ReadonlySet<string>>();
    this.known.set(controller, routes);
    const known = routes.get(handler) ?? new Set(queryParametersOf(controller, handler.name));
    routes.set(handler, known);
    return known;
  }
}

/** Unknown parameters in an answer, at most, and characters of each name. */
const SHOWN = 20;
const SHOWN_NAME = 100;

const isRead = (method: string) => method === 'GET' || method === 'HEAD';
