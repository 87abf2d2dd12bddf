import { Module } from '@nestjs/common';
import { NameSearch, ProfileReader } from '#libs/players';
import { WritesModule } from '../http/writes/writes.module.js';
import { onLog } from '../providers.js';
import { PlayerSearchController } from './player-search.controller.js';
import { ProfilesController } from './profiles.controller.js';

/** Public profiles, and players found by their names. */
@Module({
  imports: [WritesModule],
  controllers: [ProfilesController, PlayerSearchController],
  providers: [onLog(ProfileReader), onLog(NameSearch)],
  exports: [ProfileReader],
})
export class ProfilesModule {}
