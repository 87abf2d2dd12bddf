import { Module } from '@nestjs/common';
import { SavesController } from './saves.controller.js';

@Module({ controllers: [SavesController] })
export class SavesModule {}
