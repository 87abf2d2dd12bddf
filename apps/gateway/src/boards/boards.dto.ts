import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { AppliedView } from '../http/api-docs.js';
import { ID_PATTERN } from '../http/validation/ids.js';
import { DefinitionFields } from './definition.dto.js';

export class BoardView extends DefinitionFields {
  @ApiProperty({ example: 'weekly' })
  readonly board!: string;

  @ApiProperty({
    example: 'current',
    description: 'The current period; `current` for a board without reset.',
  })
  readonly period!: string;

  @ApiProperty({ example: 1, description: 'Entries in that period.' })
  readonly total!: number;
}

export class BoardsQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 1000, default: 100 })
  @IsInt()
  @Min(1)
  @Max(1000)
  readonly limit: number = 100;

  @ApiPropertyOptional({ description: 'The `next` of a page.' })
  @IsOptional()
  @Matches(ID_PATTERN, { message: 'cursor must be the `next` of a page' })
  readonly cursor?: string;
}

export class BoardPage {
  @ApiProperty({ type: [BoardView], description: 'In the order of their names.' })
  readonly boards!: readonly BoardView[];

  @ApiPropertyOptional({ description: 'The cursor of the next page, when there is one.' })
  readonly next?: string;
}

export class BoardDefinedView extends DefinitionFields implements AppliedView {
  @ApiProperty()
  readonly eventId!: string;

  @ApiProperty({ enum: ['applied'] })
  readonly status!: 'applied';

  @ApiProperty()
  readonly board!: string;
}

export class BoardRemovedView extends AppliedView {
  @ApiProperty()
  readonly board!: string;
}

export class EntryRevokedView extends BoardRemovedView {
  @ApiProperty()
  readonly player!: string;
}
