import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { Is } from '../http/validation/validation.js';

/** The fields with a meaning. A profile can have any others. */
export class ProfileFields {
  @ApiPropertyOptional({ maxLength: 64, example: 'Ada' })
  readonly name?: string;

  @ApiPropertyOptional({ maxLength: 512, description: 'Whatever the game draws an avatar from.' })
  readonly avatar?: string;

  @ApiPropertyOptional({ pattern: '^[A-Z]{2}$', example: 'GB' })
  readonly country?: string;
}

export class ProfileView extends ProfileFields {
  @ApiProperty()
  readonly playerId!: string;
}

const hasLetters = (value: unknown) => typeof value === 'string' && /[^\s\p{C}]/u.test(value);

export class PlayersQuery {
  @ApiProperty({ example: 'her', maxLength: 64, description: 'How the name begins, in whatever case.' })
  @IsString()
  @MaxLength(64)
  @Is(hasLetters, 'name must be the beginning of a name: characters of which some can be seen')
  readonly name!: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 20 })
  @IsInt()
  @Min(1)
  @Max(100)
  readonly limit: number = 20;

  @ApiPropertyOptional({
    description: 'The `next` of a page, with the same name. It holds while players come and go.',
  })
  @IsOptional()
  @IsString()
  @MaxLength(1024)
  readonly cursor?: string;
}

export class FoundPlayer extends ProfileFields {
  @ApiProperty()
  readonly playerId!: string;
}

export class PlayerPage {
  @ApiProperty({
    type: [FoundPlayer],
    description:
      'By name, without regard to case; those of one name by id. More of each: `GET /v1/players/{player}`.',
  })
  readonly players!: readonly FoundPlayer[];

  @ApiPropertyOptional({ description: 'The cursor of the next page, when there is one.' })
  readonly next?: string;
}
