import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Settlement } from '#libs/event-log';
import type { RecordedEvent, StreamName } from '#libs/events';
import { type BoardEntry, leaderboards, Projector } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { StreamContext } from '#libs/streams-transport';

/** Projects score events into leaderboards. */
@Controller()
export class RankingProjectorController {
  private readonly projector: Projector<BoardEntry, 'ScoreSubmitted'>;

  constructor(@Inject(REDIS) redis: RedisClient) {
    this.projector = new Projector(redis, leaderboards);
  }

  @EventPattern<StreamName>('scores')
  apply(
    @Payload() events: readonly RecordedEvent<'ScoreSubmitted'>[],
    @Ctx() source: StreamContext,
  ): Promise<Settlement> {
    return this.projector.apply(events, source);
  }
}
