import { type DynamicModule, Global, Module } from '@nestjs/common';
import { EventLog, Topology } from '#libs/event-log';
import type { OpenLog } from './open-log.js';

/** Injects the `RedisClient` for commands. */
export const REDIS = Symbol('redis');

/** The opened log for every module of a service: `REDIS`, `Topology` and `EventLog`. */
@Global()
@Module({})
export class LogModule {
  static forRoot({ redis, topology, quorum }: OpenLog): DynamicModule {
    const providers = [
      { provide: REDIS, useValue: redis },
      { provide: Topology, useValue: topology },
      { provide: EventLog, useValue: new EventLog(redis, topology, quorum) },
    ];
    return { module: LogModule, providers, exports: providers };
  }
}
