import { Module } from '@nestjs/common';
import { NameSearch, ProfileReader } from '#libs/players';
import { AuthModule } from '../auth/auth.module.js';
import { WritesModule } from '../http/writes/writes.module.js';
import { onLog } from '../providers.js';
import { MeController } from './me.controller.js';
import { PlayerSearchController } from './player-search.controller.js';
import { ProfilesController } from './profiles.controller.js';

/** Public profiles, the caller's own session, and players found by their names. */
@Module({
  imports: [AuthModule, WritesModule],
  controllers: [MeController, ProfilesController, PlayerSearchController],
  providers: [onLog(ProfileReader), onLog(NameSearch)],
  exports: [ProfileReader],
})
export class ProfilesModule {}
