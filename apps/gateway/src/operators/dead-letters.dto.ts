import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import type { DeadLetter } from '#libs/streams-transport';
import { AuditedEvent } from './audit.dto.js';

export class DeadLettersQuery {
  @ApiPropertyOptional({ description: 'Only those of this consumer group.', example: 'ranking-projector' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly group?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 20 })
  @IsInt()
  @Min(1)
  @Max(100)
  readonly limit: number = 20;

  @ApiPropertyOptional({ description: 'The `next` of a page. It holds while dead letters come and go.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly cursor?: string;
}

class DeadLetterView {
  @ApiProperty({ example: 'ranking-projector.s4-1795236331042-0', description: 'Opaque.' })
  readonly id!: string;

  @ApiProperty({ example: 'ranking-projector' })
  readonly group!: string;

  @ApiProperty({ example: 's4-1795236316157-0' })
  readonly eventId!: string;

  @ApiProperty({ enum: ['scores', 'players'] })
  readonly stream!: string;

  @ApiProperty({ example: 4 })
  readonly partition!: number;

  @ApiProperty({ example: 'MALFORMED_EVENT', description: "The error's code, or else its name." })
  readonly code!: string;

  @ApiProperty({ description: "The last delivery's error." })
  readonly error!: string;

  @ApiProperty()
  readonly stack!: string;

  @ApiProperty({ example: 5 })
  readonly deliveries!: number;

  @ApiProperty({ format: 'date-time', description: 'When it was given up.' })
  readonly at!: string;

  @ApiProperty({ type: AuditedEvent, nullable: true, description: 'Null when it cannot be decoded.' })
  readonly event!: AuditedEvent | null;

  @ApiProperty({ type: [String], description: "The stream entry's fields and values in turn." })
  readonly entry!: readonly string[];
}

export class DeadLettersPage {
  @ApiProperty({ type: [DeadLetterView], description: 'Newest first.' })
  readonly deadLetters!: readonly DeadLetter[];

  @ApiPropertyOptional({ description: 'The cursor of the next page, when there is one.' })
  readonly next?: string;
}

export class RetryingView {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty({ description: 'To wait until it has taken effect: send it as `If-Applied` with a read.' })
  readonly eventId!: string;

  @ApiProperty({ enum: ['retrying'] })
  readonly status!: 'retrying';
}

export class DroppedView {
  @ApiProperty()
  readonly id!: string;

  @ApiProperty()
  readonly eventId!: string;

  @ApiProperty({ enum: ['dropped'] })
  readonly status!: 'dropped';
}
