import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import type { GatewayEnvironment } from '#libs/config';
import { EventLog, Progress, Topology } from '#libs/event-log';
import { Logger } from '#libs/observability';
import { groupsOf, LeaderboardReader, SaveReader, ScoreDocumentReader } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { StreamsClient } from '#libs/streams-transport';
import { CallerGuard } from './auth/caller.guard.js';
import { KeyRing } from './auth/key-ring.js';
import { AppliedInterceptor } from './http/applied.interceptor.js';
import { ProblemFilter } from './http/problem.filter.js';
import { WriteService } from './http/write.service.js';
import { LeaderboardsController } from './leaderboards/leaderboards.controller.js';
import { ScoresService } from './leaderboards/scores.service.js';
import { PlayersController } from './players/players.controller.js';
import { SavesController } from './saves/saves.controller.js';

/** Injects one of the classes that read or append with a connection and the topology alone. */
function onLog<T>(type: new (redis: RedisClient, topology: Topology) => T) {
  return {
    provide: type,
    inject: [REDIS, Topology],
    useFactory: (redis: RedisClient, topology: Topology) => new type(redis, topology),
  };
}

/** Expects `LogModule`, which is global. */
@Module({})
export class GatewayModule {
  static forRoot(environment: GatewayEnvironment, logger: Logger): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [LeaderboardsController, SavesController, PlayersController],
      providers: [
        { provide: Logger, useValue: logger },
        { provide: KeyRing, useValue: new KeyRing(environment.SERVER_KEYS, environment.ADMIN_KEYS) },
        onLog(EventLog),
        onLog(LeaderboardReader),
        onLog(SaveReader),
        onLog(ScoreDocumentReader),
        {
          provide: Progress,
          inject: [REDIS, Topology],
          useFactory: (redis: RedisClient, topology: Topology) =>
            new Progress(redis, topology, { scores: groupsOf('scores'), players: groupsOf('players') }),
        },
        { provide: StreamsClient, inject: [EventLog], useFactory: (log: EventLog) => new StreamsClient(log) },
        WriteService,
        ScoresService,
        { provide: APP_GUARD, useClass: CallerGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: AppliedInterceptor },
      ],
    };
  }
}
