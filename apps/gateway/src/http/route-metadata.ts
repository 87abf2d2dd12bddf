import type { ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

/** Reads metadata that a decorator has set on a handler or on its controller. */
export type ReadMetadata = <T>(name: string) => T | undefined;

const reflector = new Reflector();

/** Reads a route's metadata at its first request, and caches it: reading takes microseconds. */
export function routeMetadata<T extends object>(
  find: (read: ReadMetadata) => T,
): (context: ExecutionContext) => T {
  const controllers = new WeakMap<object, Map<object, T>>();
  return context => {
    const handler = context.getHandler();
    const controller = context.getClass();
    const known = controllers.get(controller)?.get(handler);
    if (known) return known;
    const found = find(name => reflector.getAllAndOverride(name, [handler, controller]));
    const handlers = controllers.get(controller) ?? new Map<object, T>();
    controllers.set(controller, handlers.set(handler, found));
    return found;
  };
}
