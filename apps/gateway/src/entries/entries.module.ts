import { Module } from '@nestjs/common';
import { BoardsModule } from '../boards/boards.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { ProfilesModule } from '../players/profiles.module.js';
import { fromSettings } from '../providers.js';
import { ScoresModule } from '../scores/scores.module.js';
import { EntriesController } from './entries.controller.js';
import { EntryViews } from './entry-views.js';
import { LiveController } from './live.controller.js';
import { LiveBoards } from './live-boards.js';
import { LiveStreams } from './live-streams.js';
import { PlayerEntriesController } from './player-entries.controller.js';

/** Ranks: pages of a board, one player's entry, and the live page. */
@Module({
  imports: [BoardsModule, LimitsModule, ProfilesModule, ScoresModule],
  controllers: [EntriesController, LiveController, PlayerEntriesController],
  providers: [
    EntryViews,
    LiveBoards,
    fromSettings(
      LiveStreams,
      ({ LIVE_PER_ADDRESS, LIVE_TOTAL }) =>
        new LiveStreams({ perAddress: LIVE_PER_ADDRESS, total: LIVE_TOTAL }),
    ),
  ],
  exports: [EntryViews],
})
export class EntriesModule {}
