import { Module } from '@nestjs/common';
import { RankingProjectorController } from './ranking-projector.controller.js';

@Module({ controllers: [RankingProjectorController] })
export class RankingProjectorModule {}
