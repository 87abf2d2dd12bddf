import { Module } from '@nestjs/common';
import { EventLog, Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { AuthModule } from '../auth/auth.module.js';
import { BoardsModule } from '../boards/boards.module.js';
import { EntriesModule } from '../entries/entries.module.js';
import { WritesModule } from '../http/writes/writes.module.js';
import { OperatorsModule } from '../operators/operators.module.js';
import { SavesModule } from '../saves/saves.module.js';
import { ScoresModule } from '../scores/scores.module.js';
import { PersonalDataController } from './personal-data.controller.js';
import { PlayerErasure } from './player-erasure.js';
import { PlayerExport } from './player-export.js';
import { PlayersController } from './players.controller.js';
import { ProfilesModule } from './profiles.module.js';

/** Players as a whole: bans, score documents, the export of all their data, and erasure. */
@Module({
  imports: [
    AuthModule,
    BoardsModule,
    EntriesModule,
    OperatorsModule,
    ProfilesModule,
    SavesModule,
    ScoresModule,
    WritesModule,
  ],
  controllers: [PlayersController, PersonalDataController],
  providers: [
    PlayerExport,
    {
      provide: PlayerErasure,
      inject: [REDIS, Topology, EventLog],
      useFactory: (redis: RedisClient, topology: Topology, log: EventLog) =>
        new PlayerErasure(redis, topology, log),
    },
  ],
})
export class PlayersModule {}
