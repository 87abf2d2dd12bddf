import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import type { Attributes } from '#libs/events';
import { AppliedView, ProblemView } from '../http/api-docs.js';
import { ID_PATTERN } from '../http/validation/ids.js';

/** Scores in one request, at most. */
export const MAX_SCORES = 1_000;

/** For the documentation. `readScore` checks the body. */
export class SubmitScoreBody {
  @ApiProperty({ example: 1234, description: 'A finite number; integers within +-(2^53 - 1).' })
  readonly score!: number;

  @ApiPropertyOptional({
    example: 'ada',
    pattern: ID_PATTERN.source,
    description: 'Whose score it is; a key must say so.',
  })
  readonly player?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    example: { region: 'eu' },
    description: 'Facts about the run; they are shown with the entry while it is the one that counts.',
  })
  readonly attributes?: Attributes;
}

/** A score of a list. */
export class ScoreItem extends SubmitScoreBody {
  @ApiProperty({ example: 'weekly', pattern: ID_PATTERN.source })
  readonly board!: string;

  @ApiPropertyOptional({
    example: 'run-4711',
    description: 'The same key within 24 hours is appended once, as with `Idempotency-Key`.',
  })
  readonly idempotencyKey?: string;
}

export class SubmitScoresBody {
  @ApiProperty({ type: [ScoreItem], minItems: 1, maxItems: MAX_SCORES })
  readonly scores!: readonly ScoreItem[];
}

export class ScoreApplied extends AppliedView {
  @ApiProperty()
  readonly board!: string;

  @ApiProperty()
  readonly player!: string;

  @ApiProperty()
  readonly rank!: number;

  @ApiPropertyOptional({ description: 'The rank just before; absent when there was none.' })
  readonly previousRank?: number;

  @ApiProperty({ description: "The player's score on the board, which may be an earlier, better one." })
  readonly score!: number;

  @ApiProperty({ description: 'Whether this very score is the one that counts now.' })
  readonly improved!: boolean;
}

export class ScoreTaken {
  @ApiProperty({ description: 'Names the event; opaque.' })
  readonly eventId!: string;

  @ApiPropertyOptional({ description: 'Its idempotencyKey was seen before: this is the first event.' })
  readonly replayed?: true;

  @ApiPropertyOptional({ enum: ['applied'], description: 'With `Prefer: wait`: it has taken effect.' })
  readonly status?: 'applied';
}

@ApiExtraModels(ScoreTaken, ProblemView)
export class ScoreResults {
  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ $ref: getSchemaPath(ScoreTaken) }, { $ref: getSchemaPath(ProblemView) }] },
    description: 'One for each score, in their order.',
  })
  readonly results!: readonly (ScoreTaken | ProblemView)[];
}

export class ImportError extends ProblemView {
  @ApiProperty({ example: 17, description: '1-based; blank lines count.' })
  readonly line!: number;
}

export class ImportReport {
  @ApiProperty({ description: 'Scores that were appended.' })
  readonly accepted!: number;

  @ApiProperty({ description: 'Scores whose idempotencyKey was seen before.' })
  readonly replayed!: number;

  @ApiPropertyOptional({
    description:
      'To wait until all of them can be read: send it as `If-Applied` with a read. Absent when there are none.',
  })
  readonly lastEventId?: string;

  @ApiProperty({ description: 'Lines that were not taken.' })
  readonly rejected!: number;

  @ApiProperty({ type: [ImportError], description: 'The first 100 of them.' })
  readonly errors!: readonly ImportError[];
}
