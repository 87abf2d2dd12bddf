import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsOptional, Matches } from 'class-validator';
import { type Difference, type Job, type JobState, projections } from '#libs/maintenance';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';

const TITLES = projections.map(({ title }) => title);
type Title = (typeof TITLES)[number];

export class JobBody {
  @ApiProperty({ enum: TITLES })
  @IsIn(TITLES)
  readonly projection!: Title;

  @ApiPropertyOptional({ description: 'Only this board; for the projection `ranking`.' })
  @IsOptional()
  @Matches(ID_PATTERN, { message: `board must be an id: ${ID_RULE}` })
  readonly board?: string;
}

export class RebuildBody extends JobBody {
  @ApiPropertyOptional({ description: 'Compare before the switch, and report what differs.' })
  @IsOptional()
  @IsBoolean()
  readonly diff?: boolean;
}

class DifferenceView implements Difference {
  @ApiProperty()
  readonly key!: string;

  @ApiPropertyOptional()
  readonly field?: string;

  @ApiPropertyOptional({ description: 'What the log says; absent when there should be nothing.' })
  readonly expected?: string;

  @ApiPropertyOptional({ description: 'What is there; absent when there is nothing.' })
  readonly actual?: string;
}

export class JobView {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty({ enum: ['rebuild', 'verify'] })
  readonly kind!: Job['kind'];

  @ApiProperty({ enum: TITLES })
  readonly projection!: Title;

  @ApiPropertyOptional()
  readonly board?: string;

  @ApiProperty({ enum: ['queued', 'running', 'cancelling', 'done', 'cancelled', 'failed'] })
  readonly state!: JobState;

  @ApiProperty({ description: 'Events folded so far.' })
  readonly processed!: number;

  @ApiProperty({ description: 'Events there are.' })
  readonly total!: number;

  @ApiProperty()
  readonly eventsPerSecond!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Null while that cannot be said.' })
  readonly etaSeconds!: number | null;

  @ApiProperty({ format: 'date-time' })
  readonly startedAt!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  readonly finishedAt?: string;

  @ApiPropertyOptional({ description: 'Why it failed.' })
  readonly error?: string;

  @ApiPropertyOptional({ description: 'How many differences were found, of a job that compares.' })
  readonly differences?: number;

  @ApiPropertyOptional({ type: [DifferenceView], description: 'The first 100 of them.' })
  readonly examples?: readonly DifferenceView[];
}

export function toView(job: Job): JobView {
  const { id, kind, board, state, processed, total, eventsPerSecond, startedAt, finishedAt, error, result } =
    job;
  const title = projections.find(({ name }) => name === job.group)?.title ?? 'ranking';
  const left = state === 'done' ? 0 : total - processed;
  return {
    id,
    kind,
    projection: title,
    ...(board !== undefined && { board }),
    state,
    processed,
    total,
    eventsPerSecond,
    etaSeconds:
      left === 0 && state === 'done' ? 0 : eventsPerSecond > 0 ? Math.ceil(left / eventsPerSecond) : null,
    startedAt: new Date(startedAt).toISOString(),
    ...(finishedAt !== undefined && { finishedAt: new Date(finishedAt).toISOString() }),
    ...(error !== undefined && { error }),
    ...result,
  };
}
