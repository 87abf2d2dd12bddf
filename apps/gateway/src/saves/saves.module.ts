import { Module } from '@nestjs/common';
import { SaveReader } from '#libs/saves';
import { WritesModule } from '../http/writes/writes.module.js';
import { onLog } from '../providers.js';
import { HistoryController } from './history.controller.js';
import { PatchController } from './patch.controller.js';
import { SaveLog } from './save-log.js';
import { SavesController } from './saves.controller.js';
import { SlotsController } from './slots.controller.js';

/** Saves: documents in slots, with versions and history. */
@Module({
  imports: [WritesModule],
  controllers: [SavesController, SlotsController, PatchController, HistoryController],
  providers: [onLog(SaveReader), SaveLog],
  exports: [SaveReader],
})
export class SavesModule {}
