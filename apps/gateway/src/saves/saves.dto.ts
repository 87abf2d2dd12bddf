import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { SaveSlot } from '#libs/saves';
import { AppliedView } from '../http/api-docs.js';

/** Versions that Redis and JSON can count exactly, and beyond any that there will be. */
const MAX_VERSION = 999_999_999_999_999;

export const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description: 'Only if this version is the current one, or `*`: if there is one.',
} as const;

export const IF_UNMODIFIED_SINCE = {
  name: 'If-Unmodified-Since',
  required: false,
  description:
    'Only if the current version is from then or earlier, in whole seconds; as `Last-Modified` said it. Ignored beside `If-Match`, and when it is no date.',
} as const;

export const SAVE_META = {
  name: 'Save-Meta',
  required: false,
  description:
    'A JSON object of up to 1 KiB in ASCII, with `\\u` escapes: `meta` in the list of saves. PUT without it removes it; PATCH keeps it, and a restore takes that of the version.',
  schema: { type: 'string', example: '{"title":"Chapter 3","minutes":124}' },
} as const;

export class SaveDeletedView extends AppliedView {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty()
  readonly slot!: string;

  @ApiProperty({ description: 'The version that this write made; also in `ETag`.' })
  readonly version!: number;

  @ApiProperty({ format: 'date-time' })
  readonly updatedAt!: string;
}

export class SaveApplied extends SaveDeletedView {
  @ApiProperty({ description: 'Length of the document in UTF-8.' })
  readonly bytes!: number;
}

class SlotView {
  @ApiProperty({ example: 'auto' })
  readonly slot!: string;

  @ApiProperty()
  readonly version!: number;

  @ApiProperty({ format: 'date-time' })
  readonly updatedAt!: string;

  @ApiProperty({ description: 'Length of the document in UTF-8.' })
  readonly bytes!: number;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'As `Save-Meta` said when the version was written.',
  })
  readonly meta?: object;
}

export class SaveList {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty({ type: [SlotView], description: 'By name; slots that were deleted are left out.' })
  readonly saves!: readonly SaveSlot[];
}

export class SaveQuery {
  @ApiPropertyOptional({ minimum: 1, description: 'A past version instead of the current one.' })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(MAX_VERSION)
  readonly version?: number;

  @ApiPropertyOptional({
    example: '$.stats.health',
    description:
      'A JSONPath (RFC 9535, without functions): a list of what it selects, instead of the document.',
  })
  @IsOptional()
  @IsString()
  readonly path?: string;
}

export class HistoryQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 20 })
  @IsInt()
  @Min(1)
  @Max(100)
  readonly limit: number = 20;

  @ApiPropertyOptional({ description: 'The `next` of a page. It holds while versions are added.' })
  @IsOptional()
  @IsString()
  @Matches(/^[1-9]\d{0,14}$/, { message: 'cursor must be the `next` of a page' })
  readonly cursor?: string;
}

export class RestoreBody {
  @ApiProperty({ minimum: 1, example: 3 })
  @IsInt()
  @Min(1)
  @Max(MAX_VERSION)
  readonly version!: number;
}

class VersionView {
  @ApiProperty()
  readonly version!: number;

  @ApiProperty({ format: 'date-time' })
  readonly at!: string;

  @ApiPropertyOptional({ description: 'Length of the document in UTF-8; not with a deletion.' })
  readonly bytes?: number;

  @ApiPropertyOptional({ enum: [true], description: 'The slot was emptied.' })
  readonly deleted?: true;

  @ApiProperty({ enum: ['player', 'server', 'admin'], description: 'Who made it.' })
  readonly actor!: 'player' | 'server' | 'admin';
}

export class HistoryPage {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty()
  readonly slot!: string;

  @ApiProperty({ type: [VersionView], description: 'Newest first.' })
  readonly versions!: readonly VersionView[];

  @ApiPropertyOptional({ description: 'The cursor of the next page; the last has none.' })
  readonly next?: string;
}
