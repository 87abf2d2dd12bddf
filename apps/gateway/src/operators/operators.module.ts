import { Module } from '@nestjs/common';
import { EventReader } from '#libs/event-log';
import { Jobs } from '#libs/maintenance';
import { DeadLetters } from '#libs/streams-transport';
import { BoardsModule } from '../boards/boards.module.js';
import { onGroups, onLog } from '../providers.js';
import { ScoresModule } from '../scores/scores.module.js';
import { AuditController } from './audit.controller.js';
import { AuditTrail } from './audit-trail.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { JobsController } from './jobs.controller.js';
import { LogController } from './log.controller.js';
import { StreamsController } from './streams.controller.js';

/** The routes below `/v1/admin`: audit trail, dead letters, streams, jobs, and the state of the log. */
@Module({
  imports: [BoardsModule, ScoresModule],
  controllers: [AuditController, DeadLettersController, StreamsController, JobsController, LogController],
  providers: [onLog(EventReader), onGroups(DeadLetters), onLog(Jobs), AuditTrail],
  exports: [AuditTrail],
})
export class OperatorsModule {}
