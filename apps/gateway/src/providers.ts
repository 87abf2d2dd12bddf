import type { FactoryProvider } from '@nestjs/common';
import type { GatewayEnvironment } from '#libs/config';
import { Topology } from '#libs/event-log';
import type { StreamName } from '#libs/events';
import { groupsOf } from '#libs/maintenance';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { ENVIRONMENT } from './settings.module.js';

/** Provides a class of the libraries that needs a connection and the topology. */
export function onLog<T>(type: new (redis: RedisClient, topology: Topology) => T): FactoryProvider<T> {
  return {
    provide: type,
    inject: [REDIS, Topology],
    useFactory: (redis: RedisClient, topology: Topology) => new type(redis, topology),
  };
}

/** Provides a class of the libraries that also needs the consumer groups of each stream. */
export function onGroups<T>(
  type: new (redis: RedisClient, topology: Topology, groups: Record<StreamName, string[]>) => T,
): FactoryProvider<T> {
  const groups = { scores: groupsOf('scores'), players: groupsOf('players') };
  return {
    provide: type,
    inject: [REDIS, Topology],
    useFactory: (redis: RedisClient, topology: Topology) => new type(redis, topology, groups),
  };
}

/** Provides a class that enforces one limit of the settings. */
export function withLimit<T, Limit>(
  type: new (redis: RedisClient, topology: Topology, limit: Limit) => T,
  limitOf: (environment: GatewayEnvironment) => Limit,
): FactoryProvider<T> {
  return {
    provide: type,
    inject: [REDIS, Topology, ENVIRONMENT],
    useFactory: (redis: RedisClient, topology: Topology, environment: GatewayEnvironment) =>
      new type(redis, topology, limitOf(environment)),
  };
}

/** Provides a class that is made of the settings alone. */
export function fromSettings<T>(
  type: abstract new (...args: never[]) => T,
  create: (environment: GatewayEnvironment) => T,
): FactoryProvider<T> {
  return { provide: type, inject: [ENVIRONMENT], useFactory: create };
}
