import { type DynamicModule, Module } from '@nestjs/common';
import type { GatewayEnvironment } from '#libs/config';
import type { Logger } from '#libs/observability';
import { LogModule, type OpenLog } from '#libs/service';
import { AuthModule } from './auth/auth.module.js';
import { BoardsModule } from './boards/boards.module.js';
import { CacheQuestModule } from './cache-quest/cache-quest.module.js';
import { EntriesModule } from './entries/entries.module.js';
import { GuardsModule } from './http/guards.module.js';
import { appendLimits } from './limits/append-limits.js';
import { OperatorsModule } from './operators/operators.module.js';
import { PlayersModule } from './players/players.module.js';
import { ProfilesModule } from './players/profiles.module.js';
import { SavesModule } from './saves/saves.module.js';
import { ScoresModule } from './scores/scores.module.js';
import { SettingsModule } from './settings.module.js';

/** All features of the gateway. Only `LogModule` and `SettingsModule` are global. */
@Module({})
export class GatewayModule {
  static forRoot(environment: GatewayEnvironment, log: OpenLog, logger: Logger): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        LogModule.forRoot(log, appendLimits(environment, log)),
        SettingsModule.forRoot(environment, logger),
        GuardsModule.forRoot(environment.rateLimits),
        AuthModule,
        BoardsModule,
        EntriesModule,
        ScoresModule,
        SavesModule,
        PlayersModule,
        ProfilesModule,
        OperatorsModule,
        CacheQuestModule,
      ],
    };
  }
}
