import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { SessionView } from '../auth/sessions.dto.js';

export class OwnSession extends SessionView {
  @ApiPropertyOptional({ example: 'Ada', description: 'As the profile has it.' })
  readonly name?: string;
}

export class MeView {
  @ApiProperty({ type: OwnSession, nullable: true })
  readonly player!: OwnSession | null;
}
