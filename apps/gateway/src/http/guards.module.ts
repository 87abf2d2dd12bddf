import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import type { RateLimits } from '#libs/config';
import { Topology } from '#libs/event-log';
import { BoardCatalog } from '#libs/leaderboards';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { AccessGuard } from '../auth/access.guard.js';
import { AuthModule } from '../auth/auth.module.js';
import { CallerGuard } from '../auth/caller.guard.js';
import { BoardsModule } from '../boards/boards.module.js';
import { RateLimitGuard } from '../limits/rate-limit.guard.js';
import { SlidingWindow } from '../limits/sliding-window.js';
import { AppliedGuard } from './applied.guard.js';
import { ProblemFilter } from './problem.filter.js';
import { QueryGuard } from './validation/query.guard.js';
import { WritesModule } from './writes/writes.module.js';

/**
 * The guards of every route, in the order in which they run. The rate limit needs to know who calls, and counts requests
 * that `AccessGuard` then refuses.
 */
@Module({})
export class GuardsModule {
  static forRoot(limits: RateLimits | undefined): DynamicModule {
    return {
      module: GuardsModule,
      imports: [AuthModule, BoardsModule, WritesModule],
      providers: [
        { provide: APP_GUARD, useClass: CallerGuard },
        ...(limits ? [rateLimitGuard(limits)] : []),
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: QueryGuard },
        { provide: APP_GUARD, useClass: AppliedGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}

function rateLimitGuard(limits: RateLimits) {
  return {
    provide: APP_GUARD,
    inject: [REDIS, Topology, BoardCatalog],
    useFactory: (redis: RedisClient, { prefix }: Topology, boards: BoardCatalog) =>
      new RateLimitGuard(limits, new SlidingWindow(redis), prefix, boards),
  };
}
