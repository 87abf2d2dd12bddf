import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Settlement } from '#libs/event-log';
import type { RecordedEvent, StreamName } from '#libs/events';
import { Projector, type SaveState, saves } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { StreamContext } from '#libs/streams-transport';

/** Projects save events into the saves' documents. */
@Controller()
export class SavesController {
  private readonly projector: Projector<SaveState, 'SaveWritten'>;

  constructor(@Inject(REDIS) redis: RedisClient) {
    this.projector = new Projector(redis, saves);
  }

  @EventPattern<StreamName>('players')
  apply(
    @Payload() events: readonly RecordedEvent<'SaveWritten'>[],
    @Ctx() source: StreamContext,
  ): Promise<Settlement> {
    return this.projector.apply(events, source);
  }
}
