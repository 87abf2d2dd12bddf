import { Module } from '@nestjs/common';
import { scoreDocuments } from '#libs/leaderboards';
import { ProjectionModule } from '#libs/service';
import { ScoresController } from './scores.controller.js';

@Module({ imports: [ProjectionModule.of(scoreDocuments)], controllers: [ScoresController] })
export class ScoresModule {}
