import { Module } from '@nestjs/common';
import { saves } from '#libs/maintenance';
import { ProjectionModule } from '#libs/service';
import { SavesController } from './saves.controller.js';

@Module({ imports: [ProjectionModule.of(saves)], controllers: [SavesController] })
export class SavesModule {}
