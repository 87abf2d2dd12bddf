import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Topology } from '#libs/event-log';
import { groupsOf } from '#libs/maintenance';
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

  @ApiProperty({ description: 'Milliseconds since its last sign of life, by Redis or by its heartbeat.' })
  readonly idleMs!: number;

  @ApiProperty({ description: 'Whether its heartbeat says that it reads the partition.' })
  readonly live!: boolean;
}

class GroupView {
  @ApiProperty({ example: 'ranking-projector' })
  readonly group!: string;

  @ApiProperty({ description: 'Events not delivered yet. From some ten thousand on it can be too high.' })
  readonly lag!: number;

  @ApiProperty({
    description: 'Seconds since the oldest event not delivered yet was appended; 0 when all are delivered.',
  })
  readonly lagSeconds!: number;

  @ApiProperty({ description: 'Events delivered and not acknowledged.' })
  readonly pending!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Milliseconds since the oldest pending event was appended; null when none is pending.',
  })
  readonly oldestPendingMs!: number | null;

  @ApiProperty({ description: 'Workers that live, by their heartbeats.' })
  readonly workers!: number;

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

  @ApiProperty({
    description: "Milliseconds by which ids are ahead of Redis's clock: more than 0 after it was set back.",
  })
  readonly aheadMs!: number;

  @ApiProperty({ type: [GroupView] })
  readonly groups!: readonly GroupView[];
}

class StreamsView {
  @ApiProperty({ type: [StreamView], description: 'Every partition of every stream.' })
  readonly streams!: readonly StreamView[];
}

const GROUPS = { scores: groupsOf('scores'), players: groupsOf('players') };

@ApiTags('operators')
@AdminOnly()
@Controller({ path: 'admin/streams', version: '1' })
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
    return { streams: await readStreamStatus(this.redis, this.topology, GROUPS) };
  }
}
