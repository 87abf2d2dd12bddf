import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Settlement } from '#libs/event-log';
import type { RecordedEvent, StreamName } from '#libs/events';
import type { LeaderboardEvent, ScoresState } from '#libs/leaderboards';
import { ProjectionWorker } from '#libs/service';
import { StreamContext } from '#libs/streams-transport';

/** Projects score events into each player's score document. */
@Controller()
export class ScoresController {
  constructor(private readonly worker: ProjectionWorker<ScoresState, LeaderboardEvent>) {}

  @EventPattern<StreamName>('scores')
  apply(
    @Payload() events: readonly RecordedEvent<LeaderboardEvent>[],
    @Ctx() source: StreamContext,
  ): Promise<Settlement> {
    return this.worker.apply(events, source);
  }
}
