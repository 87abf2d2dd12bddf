import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsNumber, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';
import { Is } from '../http/validation/validation.js';
import { isAttribute, MAX_ATTRIBUTE_LENGTH } from '../scores/attributes.js';

export class MemberScoreBody {
  @ApiProperty({
    example: 'leaderboards:survivor-Grassland',
    pattern: ID_PATTERN.source,
    description: 'The board.',
  })
  @IsString()
  @Matches(ID_PATTERN, { message: `key must be an id: ${ID_RULE}` })
  readonly key!: string;

  @ApiProperty({ example: 1234 })
  @IsNumber({ allowNaN: false, allowInfinity: false })
  readonly score!: number;

  @ApiProperty({
    example: 'Ada-pabcdefghij234567klmn',
    maxLength: MAX_ATTRIBUTE_LENGTH,
    description: "A name, a dash, and the session's id.",
  })
  @IsString()
  @Is(isAttribute, `member must be text of at most ${MAX_ATTRIBUTE_LENGTH} characters`)
  readonly member!: string;
}

export class CountQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 1000, default: 10 })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  readonly count: number = 10;
}

export class MemberEntry {
  @ApiProperty({ example: 'Ada-pabcdefghij234567klmn', description: 'The member, as it was sent.' })
  readonly value!: string;

  @ApiProperty({ example: 1234 })
  readonly score!: number;
}
