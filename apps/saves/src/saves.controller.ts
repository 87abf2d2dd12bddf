import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Settlement } from '#libs/event-log';
import type { RecordedEvent, StreamName } from '#libs/events';
import type { PlayerEvent, PlayerState } from '#libs/maintenance';
import { ProjectionWorker } from '#libs/service';
import { StreamContext } from '#libs/streams-transport';

/** Projects save events into the saves' documents, and patches into profiles. */
@Controller()
export class SavesController {
  constructor(private readonly worker: ProjectionWorker<PlayerState, PlayerEvent>) {}

  @EventPattern<StreamName>('players')
  apply(
    @Payload() events: readonly RecordedEvent<PlayerEvent>[],
    @Ctx() source: StreamContext,
  ): Promise<Settlement> {
    return this.worker.apply(events, source);
  }
}
