import { Module } from '@nestjs/common';
import { leaderboards } from '#libs/leaderboards';
import { ProjectionModule } from '#libs/service';
import { RankingProjectorController } from './ranking-projector.controller.js';

@Module({ imports: [ProjectionModule.of(leaderboards)], controllers: [RankingProjectorController] })
export class RankingProjectorModule {}
