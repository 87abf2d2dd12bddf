import { Controller, Inject } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Settlement } from '#libs/event-log';
import type { RecordedEvent, StreamName } from '#libs/events';
import { type BoardScores, Projector, scoreDocuments } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { StreamContext } from '#libs/streams-transport';

/** Projects score events into each player's score document. */
@Controller()
export class ScoresController {
  private readonly projector: Projector<BoardScores, 'ScoreSubmitted'>;

  constructor(@Inject(REDIS) redis: RedisClient) {
    this.projector = new Projector(redis, scoreDocuments);
  }

  @EventPattern<StreamName>('scores')
  apply(
    @Payload() events: readonly RecordedEvent<'ScoreSubmitted'>[],
    @Ctx() source: StreamContext,
  ): Promise<Settlement> {
    return this.projector.apply(events, source);
  }
}
