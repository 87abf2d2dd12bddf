import { Module } from '@nestjs/common';
import { SaveSearch } from '#libs/saves';
import { AuthModule } from '../auth/auth.module.js';
import { BoardsModule } from '../boards/boards.module.js';
import { EntriesModule } from '../entries/entries.module.js';
import { WritesModule } from '../http/writes/writes.module.js';
import { LimitsModule } from '../limits/limits.module.js';
import { onLog, withLimit } from '../providers.js';
import { SavesModule } from '../saves/saves.module.js';
import { ScoresModule } from '../scores/scores.module.js';
import { CreatedBoardQuota } from './created-board-quota.js';
import { GameStateController, PlayerStateController } from './documents.controller.js';
import { DocumentsService } from './documents.service.js';
import { GuestSessionController } from './guest-session.controller.js';
import { MemberScoresController } from './member-scores.controller.js';

/** The routes of the game Cache Quest, on the same boards, saves and sessions as `/v1`. */
@Module({
  imports: [AuthModule, BoardsModule, EntriesModule, LimitsModule, SavesModule, ScoresModule, WritesModule],
  controllers: [GuestSessionController, PlayerStateController, GameStateController, MemberScoresController],
  providers: [
    onLog(SaveSearch),
    withLimit(CreatedBoardQuota, ({ CACHE_QUEST_BOARDS }) => CACHE_QUEST_BOARDS),
    DocumentsService,
  ],
})
export class CacheQuestModule {}
