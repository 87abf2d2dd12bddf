import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import type { EventView, UndecodableView } from '#libs/event-log';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';

export class AuditQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 1000, default: 50 })
  @IsInt()
  @Min(1)
  @Max(1000)
  readonly limit: number = 50;

  @ApiPropertyOptional({ description: 'The `next` of a page. It holds while events are appended.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly cursor?: string;
}

export class BoardAuditQuery extends AuditQuery {
  @ApiPropertyOptional({ description: 'Only the events of this player, with the bans of that player.' })
  @IsOptional()
  @IsString()
  @Matches(ID_PATTERN, { message: `player must be an id: ${ID_RULE}` })
  readonly player?: string;
}

class ActorView {
  @ApiProperty({ enum: ['player', 'server', 'admin'] })
  readonly kind!: string;

  @ApiProperty({ example: '2543f8', description: "A player's id, or the id of a key." })
  readonly id!: string;
}

/** An event; with `type` null, a stream entry that cannot be decoded. */
export class AuditedEvent {
  @ApiProperty({ example: 's4-1795236316157-0' })
  readonly eventId!: string;

  @ApiProperty({ type: String, nullable: true, example: 'ScoreSubmitted' })
  readonly type!: string | null;

  @ApiPropertyOptional({ format: 'date-time' })
  readonly at?: string;

  @ApiPropertyOptional({ type: ActorView, description: 'Who caused it.' })
  readonly actor?: ActorView;

  @ApiPropertyOptional({
    description: "A save's or a revocation's own number; how many came before a score.",
  })
  readonly version?: number;

  @ApiPropertyOptional({ description: 'The W3C `traceparent` of the request.' })
  readonly trace?: string;

  @ApiPropertyOptional()
  readonly idempotencyKey?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { board: 'weekly', player: 'bob', score: 900 },
  })
  readonly data?: Readonly<Record<string, unknown>>;

  @ApiPropertyOptional({ description: 'With `type` null: why the entry cannot be decoded.' })
  readonly error?: string;

  @ApiPropertyOptional({ type: [String], description: 'With `type` null: its fields and values in turn.' })
  readonly entry?: readonly string[];
}

export class AuditPage {
  @ApiProperty({ type: [AuditedEvent], description: 'Newest first.' })
  readonly events!: readonly (EventView | UndecodableView)[];

  @ApiPropertyOptional({
    description: 'The cursor of the next page. Only a page without it is the last, however short others are.',
  })
  readonly next?: string;
}
