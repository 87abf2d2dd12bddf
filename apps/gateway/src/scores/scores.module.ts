import { Module } from '@nestjs/common';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { BoardsModule } from '../boards/boards.module.js';
import { WritesModule } from '../http/writes/writes.module.js';
import { fromSettings, onLog, withLimit } from '../providers.js';
import { PlayerBoardQuota } from './player-board-quota.js';
import { ScoreImport } from './score-import.js';
import { BoardCreation, ScoreSubmitter } from './score-submitter.js';
import { ScoresController } from './scores.controller.js';
import { ScoresService } from './scores.service.js';

/** Submitting scores, and what each player has scored. */
@Module({
  imports: [BoardsModule, WritesModule],
  controllers: [ScoresController],
  providers: [
    fromSettings(BoardCreation, ({ boardsPolicy }) => new BoardCreation(boardsPolicy === 'open')),
    withLimit(PlayerBoardQuota, ({ quotas }) => quotas.get('player.boards')),
    onLog(ScoreDocumentReader),
    ScoreSubmitter,
    ScoreImport,
    ScoresService,
  ],
  exports: [ScoreDocumentReader, ScoreSubmitter],
})
export class ScoresModule {}
