import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  IsArray,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
} from 'class-validator';
import type { Attributes } from '#libs/events';
import { shownValue } from '../http/problem.js';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';

export class PeriodQuery {
  @ApiPropertyOptional({
    default: 'current',
    example: '2026-W47',
    description:
      '`current`, `previous`, or an id: `2026-11-21` (daily), `2026-W47` (weekly), `2026-11` (monthly), `2026-11-21T18:00Z` (cron).',
  })
  @IsOptional()
  @IsString()
  @MaxLength(64)
  readonly period?: string;
}

export class EntriesQuery extends PeriodQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 1000, default: 10 })
  @IsInt()
  @Min(1)
  @Max(1000)
  readonly limit: number = 10;

  @ApiPropertyOptional({
    minimum: 0,
    default: 0,
    description: 'Index of the first entry. Ignored with a cursor.',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly offset?: number;

  @ApiPropertyOptional({ description: 'The `next` of the page before. It stays valid when entries move.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly cursor?: string;

  @ApiPropertyOptional({
    minimum: 0,
    exclusiveMinimum: true,
    maximum: 100,
    description:
      'Only this percentage of the entries, counted from the top. The number of entries is rounded up.',
  })
  @IsOptional()
  @IsPositive()
  @Max(100)
  readonly topPercent?: number;

  @ApiPropertyOptional({
    description:
      'The entries around the rank that this score has or would have. Cannot be combined with `offset`, `cursor`, or `topPercent`.',
  })
  @IsOptional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  readonly aroundScore?: number;
}

export class AroundQuery extends PeriodQuery {
  @ApiPropertyOptional({ minimum: 0, maximum: 500, default: 5, description: 'Neighbours on either side.' })
  @IsInt()
  @Min(0)
  @Max(500)
  readonly radius: number = 5;
}

export class LiveQuery extends PeriodQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: 100, default: 10 })
  @IsInt()
  @Min(1)
  @Max(100)
  readonly limit: number = 10;

  @ApiPropertyOptional({
    enum: ['me'],
    description: 'Each event also has `around`: the caller and their neighbours, or null without an entry.',
  })
  @IsOptional()
  @IsIn(['me'], { message: 'player must be me: the player of the session' })
  readonly player?: 'me';

  @ApiPropertyOptional({
    minimum: 0,
    maximum: 50,
    default: 2,
    description: 'Neighbours on either side. Used only with `player`.',
  })
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(50)
  readonly radius?: number;
}

/** Maximum number of players in one lookup. */
const MAX_LOOKUP = 1_000;

/** Names the invalid ids in a list of up to a thousand. */
function strangersIn(players: unknown): string {
  const isId = (player: unknown) => typeof player === 'string' && ID_PATTERN.test(player);
  if (!Array.isArray(players) || players.length > MAX_LOOKUP)
    return `players must be a list of up to ${MAX_LOOKUP} ids; it is ${shownValue(players)}`;
  const list: readonly unknown[] = players;
  const wrong = list.flatMap((player, i) => (isId(player) ? [] : [i])).slice(0, SHOWN_STRANGERS);
  const shown = wrong.map(i => `players[${i}] is ${shownValue(list[i])}`);
  return `players must be a list of ids, each ${ID_RULE}; ${shown.join(', ')}`;
}

/** Maximum number of invalid ids that a message quotes. */
const SHOWN_STRANGERS = 5;

export class LookupBody {
  @ApiProperty({
    type: [String],
    maxItems: MAX_LOOKUP,
    example: ['ada', 'bob'],
    description: 'Player ids, or `me` for the caller. A repeated id counts once.',
  })
  @IsArray()
  @ArrayMaxSize(MAX_LOOKUP)
  @Matches(ID_PATTERN, { each: true, message: ({ value }) => strangersIn(value) })
  readonly players!: readonly string[];
}

export class EntryView {
  @ApiProperty({
    example: 1,
    description: '1-based. The `ranking` of the board decides the ranks of equal scores.',
  })
  readonly rank!: number;

  @ApiProperty({ example: 'ada' })
  readonly player!: string;

  @ApiPropertyOptional({ example: 'Ada', description: "From the player's profile." })
  readonly name?: string;

  @ApiProperty({ example: 1234 })
  readonly score!: number;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { region: 'eu' } })
  readonly attributes?: Attributes;

  @ApiProperty({ format: 'date-time' })
  readonly achievedAt!: string;
}

/** A board and one of its periods. */
class BoardPeriod {
  @ApiProperty({ example: 'weekly' })
  readonly board!: string;

  @ApiProperty({
    example: '2026-W47',
    description: 'The id of the period; `current` when the board never resets.',
  })
  readonly period!: string;

  @ApiProperty({
    example: 1,
    description: 'The number of entries in the whole period, not only in this response.',
  })
  readonly total!: number;
}

export class EntryPage extends BoardPeriod {
  @ApiPropertyOptional({
    format: 'date-time',
    description: 'When the period began; not on a board that never resets.',
  })
  readonly startsAt?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the next period begins.' })
  readonly endsAt?: string;

  @ApiPropertyOptional({
    example: '2026-W46',
    description: 'The id of the previous period, if the board still keeps it.',
  })
  readonly previous?: string;

  @ApiProperty({ type: [EntryView] })
  readonly entries!: readonly EntryView[];

  @ApiPropertyOptional({ description: 'The cursor of the next page, when there is one.' })
  readonly next?: string;
}

/** The `around` field of a live event: the player and their neighbours. */
export class EntriesAround {
  @ApiProperty({ description: "The player's own rank." })
  readonly rank!: number;

  @ApiProperty({ type: [EntryView] })
  readonly entries!: readonly EntryView[];
}

export class ListedEntry extends EntryView {
  @ApiProperty({ example: 1, description: 'The rank among the players that were asked for.' })
  readonly rankInList!: number;
}

export class LookupView extends BoardPeriod {
  @ApiProperty({ type: [ListedEntry], description: 'In rank order; players without an entry are left out.' })
  readonly entries!: readonly ListedEntry[];
}

export class SingleEntry extends EntryView implements BoardPeriod {
  @ApiProperty({ example: 'weekly' })
  readonly board!: string;

  @ApiProperty({ example: '2026-W47' })
  readonly period!: string;

  @ApiProperty({ example: 100, description: 'The percentage of entries that this entry equals or beats.' })
  readonly percentile!: number;

  @ApiProperty({ example: 1 })
  readonly total!: number;
}

export class PlayerEntries {
  @ApiProperty({ example: 'ada' })
  readonly player!: string;

  @ApiProperty({ type: [SingleEntry] })
  readonly entries!: readonly SingleEntry[];
}
