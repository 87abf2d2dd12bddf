import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Settlement } from '#libs/event-log';
import type { RecordedEvent, StreamName } from '#libs/events';
import type { BoardEntry, LeaderboardEvent, LeaderboardRules } from '#libs/leaderboards';
import { ProjectionWorker } from '#libs/service';
import { StreamContext } from '#libs/streams-transport';

/** Projects score events into leaderboards. */
@Controller()
export class RankingProjectorController {
  constructor(private readonly worker: ProjectionWorker<BoardEntry, LeaderboardEvent, LeaderboardRules>) {}

  @EventPattern<StreamName>('scores')
  apply(
    @Payload() events: readonly RecordedEvent<LeaderboardEvent>[],
    @Ctx() source: StreamContext,
  ): Promise<Settlement> {
    return this.worker.apply(events, source);
  }
}
