import { type DynamicModule, Global, Module } from '@nestjs/common';
import { type AppendLimits, EventLog, Topology } from '#libs/event-log';
import type { OpenLog } from './open-log.js';

/** Injection token of the `RedisClient` for commands. */
export const REDIS = Symbol('redis');

/** Provides the open log to all modules of a service: `REDIS`, `Topology`, and `EventLog`. */
@Global()
@Module({})
export class LogModule {
  /** @param limits limits for the events of players; undefined: none */
  static forRoot({ redis, topology, quorum }: OpenLog, limits?: AppendLimits): DynamicModule {
    const providers = [
      { provide: REDIS, useValue: redis },
      { provide: Topology, useValue: topology },
      { provide: EventLog, useValue: new EventLog(redis, topology, quorum, limits) },
    ];
    return { module: LogModule, providers, exports: providers };
  }
}
