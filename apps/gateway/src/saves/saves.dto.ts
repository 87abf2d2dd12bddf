import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Matches, Max, Min } from 'class-validator';
import type { SaveSlot } from '#libs/saves';
import { AppliedView } from '../http/api-docs.js';

/** The largest version that is accepted. Redis and JSON count that far exactly, and no save gets that many versions. */
const MAX_VERSION = 999_999_999_999_999;

export const IF_MATCH = {
  name: 'If-Match',
  required: false,
  description: 'Write only if this version is the current one; with `*`, only if there is a current version.',
} as const;

export const IF_UNMODIFIED_SINCE = {
  name: 'If-Unmodified-Since',
  required: false,
  description:
    'Write only if the current version was written at this time or earlier, in whole seconds as in `Last-Modified`. Ignored when `If-Match` is sent, or when it is not a date.',
} as const;

export const SAVE_META = {
  name: 'Save-Meta',
  required: false,
  description:
    'A JSON object of up to 1 KiB in ASCII, with `\\u` escapes. The list of saves shows it as `meta`. PUT without this header removes it, PATCH without it keeps it, and a restore takes it from the restored version.',
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
    description: 'The `Save-Meta` of this version.',
  })
  readonly meta?: object;
}

export class SaveList {
  @ApiProperty()
  readonly player!: string;

  @ApiProperty({ type: [SlotView], description: 'Sorted by slot; deleted slots are left out.' })
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
      'A JSONPath (RFC 9535, without functions). The answer is a list of the selected values instead of the document.',
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

  @ApiPropertyOptional({
    description: 'The `next` of the previous page. It stays valid when versions are added.',
  })
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

  @ApiPropertyOptional({ description: 'Length of the document in UTF-8; absent for a deletion.' })
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
