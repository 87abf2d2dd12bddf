import { Module } from '@nestjs/common';
import { ScoreDocumentReader } from '#libs/leaderboards';
import { BoardsModule } from '../boards/boards.module.js';
import { WritesModule } from '../http/writes.module.js';
import { fromSettings, onLog, withLimit } from '../providers.js';
import { PlayerBoards } from './player-boards.js';
import { ScoreImport } from './score-import.js';
import { FirstScores, ScoreIntake } from './score-intake.js';
import { ScoresController } from './scores.controller.js';
import { ScoresService } from './scores.service.js';

/** Submitting scores, and what each player has scored. */
@Module({
  imports: [BoardsModule, WritesModule],
  controllers: [ScoresController],
  providers: [
    fromSettings(FirstScores, ({ boards }) => new FirstScores(boards === 'open')),
    withLimit(PlayerBoards, ({ quotas }) => quotas.get('player.boards')),
    onLog(ScoreDocumentReader),
    ScoreIntake,
    ScoreImport,
    ScoresService,
  ],
  exports: [ScoreDocumentReader, ScoreIntake],
})
export class ScoresModule {}
