import { Module } from '@nestjs/common';
import { AppliedWaiter, VersionReader } from '#libs/event-log';
import { onGroups, onLog } from '../../providers.js';
import { WriteResponder } from './write-responder.js';

/** What a route needs to answer a write, and to wait until an event has taken effect. */
@Module({
  providers: [onGroups(AppliedWaiter), onLog(VersionReader), WriteResponder],
  exports: [AppliedWaiter, VersionReader, WriteResponder],
})
export class WritesModule {}
