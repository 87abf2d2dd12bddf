import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';
import { Is } from '../http/validation/validation.js';

const isIdOrEmpty = (value: unknown) => typeof value === 'string' && (value === '' || ID_PATTERN.test(value));

export class SearchQuery {
  @ApiPropertyOptional({
    example: 'ada',
    description: 'Whole words, in any case and order; all of them. Only players have names.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly name?: string;

  @ApiPropertyOptional({ example: 'pabcdefghij234567klmn' })
  @IsOptional()
  @Is(isIdOrEmpty, `id must be an id: ${ID_RULE}`)
  readonly id?: string;
}

class ListedDocument {
  @ApiProperty({ example: 'players:pabcdefghij234567klmn' })
  readonly id!: string;

  @ApiProperty({ type: 'object', additionalProperties: true, description: 'As it was sent.' })
  readonly value!: object;
}

export class DocumentList {
  @ApiProperty({ description: 'Of all that were found; those that are listed can be fewer.' })
  readonly total!: number;

  @ApiProperty({ type: [ListedDocument] })
  readonly documents!: readonly ListedDocument[];
}
