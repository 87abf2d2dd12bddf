import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { readStreamStatus } from '#libs/streams-transport';
import { AdminOnly } from '../auth/access.guard.js';
import { ApiProblems, ApiRead } from '../http/api-docs.js';

class ConsumerView {
  @ApiProperty()
  readonly name!: string;

  @ApiProperty({ description: 'Events that it was given and has not acknowledged.' })
  readonly pending!: number;

  @ApiProperty({ description: 'Milliseconds since it last read; in Redis 7.0, since it last got something.' })
  readonly idleMs!: number;
}

class GroupView {
  @ApiProperty({ example: 'ranking-projector' })
  readonly group!: string;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Events not delivered yet; null where Redis cannot tell.',
  })
  readonly lag!: number | null;

  @ApiProperty({ description: 'Events delivered and not acknowledged.' })
  readonly pending!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Milliseconds since the oldest pending event was appended; null when none is pending.',
  })
  readonly oldestPendingMs!: number | null;

  @ApiProperty({ type: [ConsumerView] })
  readonly consumers!: readonly ConsumerView[];
}

class StreamView {
  @ApiProperty({ enum: ['scores', 'players'] })
  readonly stream!: string;

  @ApiProperty()
  readonly partition!: number;

  @ApiProperty({ description: 'Events in it.' })
  readonly length!: number;

  @ApiProperty({ description: 'Memory that it takes, as Redis estimates it.' })
  readonly bytes!: number;

  @ApiProperty({ type: String, nullable: true, description: 'The eventId of its first event.' })
  readonly firstId!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The eventId of its last event.' })
  readonly lastId!: string | null;

  @ApiProperty({ type: [GroupView] })
  readonly groups!: readonly GroupView[];
}

class StreamsView {
  @ApiProperty({ type: [StreamView], description: 'Every partition of every stream.' })
  readonly streams!: readonly StreamView[];
}

@ApiTags('operators')
@AdminOnly()
@Controller('v1/admin/streams')
export class StreamsController {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'The log: size, and how far each consumer group is',
    description: 'What is said of one partition is of one moment.',
  })
  @ApiRead()
  @ApiProblems(401, 403)
  @ApiOkResponse({ type: StreamsView })
  async list(): Promise<StreamsView> {
    return { streams: await readStreamStatus(this.redis, this.topology) };
  }
}
