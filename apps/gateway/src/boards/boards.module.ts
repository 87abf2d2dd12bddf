import { Module } from '@nestjs/common';
import { EventLog, Topology } from '#libs/event-log';
import { BoardCatalog, LeaderboardReader } from '#libs/leaderboards';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { WritesModule } from '../http/writes/writes.module.js';
import { onLog } from '../providers.js';
import { BoardsController } from './boards.controller.js';
import { BoardsService } from './boards.service.js';

/** Boards and their definitions. */
@Module({
  imports: [WritesModule],
  controllers: [BoardsController],
  providers: [
    {
      provide: BoardCatalog,
      inject: [REDIS, Topology, EventLog],
      useFactory: (redis: RedisClient, topology: Topology, log: EventLog) =>
        new BoardCatalog(redis, topology, undefined, log),
    },
    onLog(LeaderboardReader),
    BoardsService,
  ],
  exports: [BoardCatalog, LeaderboardReader],
})
export class BoardsModule {}
