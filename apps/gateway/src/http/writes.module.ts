import { Module } from '@nestjs/common';
import { EventLog, Progress, VersionReader } from '#libs/event-log';
import { StreamsClient } from '#libs/streams-transport';
import { onGroups, onLog } from '../providers.js';
import { WriteService } from './write.service.js';

/** What a route needs to append events, and to wait until they have taken effect. */
@Module({
  providers: [
    { provide: StreamsClient, inject: [EventLog], useFactory: (log: EventLog) => new StreamsClient(log) },
    onGroups(Progress),
    onLog(VersionReader),
    WriteService,
  ],
  exports: [StreamsClient, Progress, VersionReader, WriteService],
})
export class WritesModule {}
