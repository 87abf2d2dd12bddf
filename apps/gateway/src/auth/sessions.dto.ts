import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Matches, MaxLength, ValidateIf } from 'class-validator';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';

const isReturn = ({ playerId, secret }: OpenSessionBody) => playerId !== undefined || secret !== undefined;

/** Nothing for a new guest; playerId and secret, or a code, for a player who returns. */
export class OpenSessionBody {
  @ApiPropertyOptional({ pattern: ID_PATTERN.source, example: 'pabcdefghij234567klmn' })
  @ValidateIf(isReturn)
  @IsString()
  @Matches(ID_PATTERN, { message: `playerId must be an id, and come with its secret: ${ID_RULE}` })
  readonly playerId?: string;

  @ApiPropertyOptional({ maxLength: 128, description: 'As the first session of the player answered it.' })
  @ValidateIf(isReturn)
  @IsString({ message: 'secret must be the text that came with the playerId' })
  @MaxLength(128)
  readonly secret?: string;

  @ApiPropertyOptional({
    maxLength: 64,
    example: 'K7WQ-2M9R-XH4T',
    description: 'As `POST /v1/players/me/transfer-codes` answered it; alone. Case and dashes do not matter.',
  })
  @ValidateIf(({ code }: OpenSessionBody) => code !== undefined)
  @IsString({ message: 'code must be the text of a transfer code' })
  @Matches(/^\P{Cc}*$/u, { message: 'code must have no control characters' })
  @MaxLength(64)
  readonly code?: string;
}

export class SessionView {
  @ApiProperty({ example: 'pabcdefghij234567klmn' })
  readonly playerId!: string;

  @ApiProperty({ format: 'date-time', description: 'Seven days after the last use, to within an hour.' })
  readonly expiresAt!: string;
}

export class OpenedSession extends SessionView {
  @ApiProperty({ description: 'For `Authorization: Bearer`; also in the cookie.' })
  readonly token!: string;

  @ApiPropertyOptional({
    description:
      'Of a new guest, and after a transfer code; never told again: with it the player returns, from any device.',
  })
  readonly secret?: string;
}

export class RenewedSession {
  @ApiProperty({ description: 'For `Authorization: Bearer`; also in the cookie, if the call had one.' })
  readonly token!: string;

  @ApiProperty({ description: 'The only one from now on.' })
  readonly secret!: string;

  @ApiProperty({ format: 'date-time' })
  readonly expiresAt!: string;
}

export class TransferCodeView {
  @ApiProperty({ pattern: '^[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){2}$', example: 'K7WQ-2M9R-XH4T' })
  readonly code!: string;

  @ApiProperty({ format: 'date-time' })
  readonly expiresAt!: string;
}
