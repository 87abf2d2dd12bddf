import { Module } from '@nestjs/common';
import { Progress, VersionReader } from '#libs/event-log';
import { onGroups, onLog } from '../../providers.js';
import { WriteResponder } from './write-responder.js';

/** What a route needs to answer a write, and to wait until an event has taken effect. */
@Module({
  providers: [onGroups(Progress), onLog(VersionReader), WriteResponder],
  exports: [Progress, VersionReader, WriteResponder],
})
export class WritesModule {}
