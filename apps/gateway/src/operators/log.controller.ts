import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsIn, IsInt, Max, Min } from 'class-validator';
import { acceptLoss, Topology } from '#libs/event-log';
import { STREAMS, type StreamName } from '#libs/events';
import { groupsOf } from '#libs/maintenance';
import { Logger } from '#libs/observability';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { AdminOnly } from '../auth/access.guard.js';
import { ApiProblems } from '../http/api-docs.js';
import { notFound } from '../http/problem.js';
import { withValue } from '../http/validation/field-rules.js';
import { bodyPipe } from '../http/validation/validation.js';

class AcceptLossBody {
  @ApiProperty({ enum: STREAMS })
  @IsIn(STREAMS)
  readonly stream!: StreamName;

  @ApiProperty({ type: 'integer', minimum: 0, maximum: 1_023 })
  @IsInt()
  @Min(0)
  @Max(1_023)
  readonly partition!: number;
}

class AcceptedLossView {
  @ApiProperty({ enum: STREAMS })
  readonly stream!: StreamName;

  @ApiProperty()
  readonly partition!: number;

  @ApiProperty({ description: 'Events that the partition has ever lost, as far as that is known.' })
  readonly lost!: number;

  @ApiProperty({ description: 'What was accepted; empty when nothing was wrong.' })
  readonly reason!: string;
}

@ApiTags('operators')
@AdminOnly()
@Controller({ path: 'admin/log', version: '1' })
export class LogController {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly topology: Topology,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  @Post('accept-loss')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Go on with a log that has lost events',
    description:
      'A partition that has lost events refuses rebuild, verify and repartition (409 `log-damaged`) until an operator accepts the loss. What projections still have of the lost events is gone with their next rebuild.',
  })
  @ApiOkResponse({ type: AcceptedLossView })
  @ApiProblems(400, 401, 403, 404, 503)
  async acceptLoss(@Body(bodyPipe) { stream, partition }: AcceptLossBody): Promise<AcceptedLossView> {
    const { [stream]: count } = this.topology.counts;
    if (partition >= count)
      throw notFound(withValue(`partition must be one of ${stream}, from 0 to ${count - 1}`, partition));
    const keys = this.topology.at(stream, partition);
    const accepted = await acceptLoss(this.redis, keys, groupsOf(stream));
    if (accepted.reason !== '')
      this.logger.warn(`${keys.stream}: an operator accepted its loss: ${accepted.reason}`, 'Log');
    return { stream, partition, ...accepted };
  }
}
