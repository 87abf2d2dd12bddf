import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  registerDecorator,
} from 'class-validator';
import { type Attributes, type BoardRules, DEFAULT_RULES, OPERATORS, ORDERS } from '#libs/events';
import { AppliedView } from '../http/api-docs.js';
import { ID_PATTERN } from '../http/ids.js';

const MAX_ATTRIBUTES = 16;
const MAX_ATTRIBUTE_LENGTH = 256;

function isAttributes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= MAX_ATTRIBUTES &&
    entries.every(
      ([name, fact]) =>
        ID_PATTERN.test(name) &&
        (typeof fact === 'boolean' ||
          (typeof fact === 'number' && Number.isFinite(fact)) ||
          (typeof fact === 'string' && fact.length <= MAX_ATTRIBUTE_LENGTH && fact.isWellFormed())),
    )
  );
}

const AreAttributes = (): PropertyDecorator => (target, propertyName) =>
  registerDecorator({
    name: 'areAttributes',
    target: target.constructor,
    propertyName: String(propertyName),
    validator: {
      validate: isAttributes,
      defaultMessage: () =>
        `attributes must be an object of at most ${MAX_ATTRIBUTES} strings (up to ${MAX_ATTRIBUTE_LENGTH} characters), finite numbers or booleans, with ids as names`,
    },
  });

export class SubmitScoreBody {
  @ApiProperty({ example: 1234, description: 'A finite number; integers within +-(2^53 - 1).' })
  @IsNumber({ allowNaN: false, allowInfinity: false })
  readonly score!: number;

  @ApiPropertyOptional({
    example: 'ada',
    pattern: ID_PATTERN.source,
    description: 'Whose score it is; a key must say so.',
  })
  @IsOptional()
  @IsString()
  @Matches(ID_PATTERN, { message: 'player must be an id' })
  readonly player?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
    example: { region: 'eu' },
    description: 'Facts about the run; they are shown with the entry while it is the one that counts.',
  })
  @IsOptional()
  @AreAttributes()
  readonly attributes?: Attributes;
}

export class DefineBoardBody implements BoardRules {
  @ApiPropertyOptional({
    enum: ORDERS,
    default: DEFAULT_RULES.order,
    description: 'Which scores stand higher.',
  })
  @IsIn(ORDERS)
  readonly order: BoardRules['order'] = DEFAULT_RULES.order;

  @ApiPropertyOptional({
    enum: OPERATORS,
    default: DEFAULT_RULES.operator,
    description: "What a player's scores make together: the best one, the latest one, or their sum.",
  })
  @IsIn(OPERATORS)
  readonly operator: BoardRules['operator'] = DEFAULT_RULES.operator;
}

export class BoardView extends DefineBoardBody {
  @ApiProperty({ example: 'weekly' })
  readonly board!: string;

  @ApiProperty({ example: 'current' })
  readonly period!: string;

  @ApiProperty({ example: 1, description: 'Entries on the whole board.' })
  readonly total!: number;
}

export class BoardApplied extends AppliedView implements BoardRules {
  @ApiProperty({ enum: ORDERS })
  readonly order!: BoardRules['order'];

  @ApiProperty({ enum: OPERATORS })
  readonly operator!: BoardRules['operator'];

  @ApiProperty()
  readonly board!: string;
}

export class EntryRevokedView extends AppliedView {
  @ApiProperty()
  readonly board!: string;

  @ApiProperty()
  readonly player!: string;
}

export class EntriesQuery {
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
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  readonly offset: number = 0;

  @ApiPropertyOptional({ description: 'The `next` of a page. It holds while entries move.' })
  @IsOptional()
  @IsString()
  @MaxLength(256)
  readonly cursor?: string;

  @ApiPropertyOptional({ enum: ['current'], default: 'current' })
  @Matches(/^current$/, { message: 'period must be current: this board has no other' })
  readonly period: string = 'current';
}

export class AroundQuery {
  @ApiPropertyOptional({ minimum: 0, maximum: 500, default: 5, description: 'Neighbours on either side.' })
  @IsInt()
  @Min(0)
  @Max(500)
  readonly radius: number = 5;
}

export class EntryView {
  @ApiProperty({ example: 1, description: '1-based; equal scores share a rank (1, 2, 2, 4).' })
  readonly rank!: number;

  @ApiProperty({ example: 'ada' })
  readonly player!: string;

  @ApiProperty({ example: 1234 })
  readonly score!: number;

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, example: { region: 'eu' } })
  readonly attributes?: Attributes;

  @ApiProperty({ format: 'date-time' })
  readonly achievedAt!: string;
}

export class EntryPage {
  @ApiProperty({ example: 'weekly' })
  readonly board!: string;

  @ApiProperty({ example: 'current' })
  readonly period!: string;

  @ApiProperty({ example: 1, description: 'Entries on the whole board.' })
  readonly total!: number;

  @ApiProperty({ type: [EntryView] })
  readonly entries!: readonly EntryView[];

  @ApiPropertyOptional({ description: 'The cursor of the next page, when there is one.' })
  readonly next?: string;
}

export class SingleEntry extends EntryView {
  @ApiProperty({ example: 'weekly' })
  readonly board!: string;

  @ApiProperty({ example: 'current' })
  readonly period!: string;

  @ApiProperty({ example: 100, description: 'How many per cent of the entries this one equals or beats.' })
  readonly percentile!: number;

  @ApiProperty({ example: 1 })
  readonly total!: number;
}

export class ScoreApplied extends AppliedView {
  @ApiProperty()
  readonly board!: string;

  @ApiProperty()
  readonly player!: string;

  @ApiProperty()
  readonly rank!: number;

  @ApiProperty({ description: "The player's score on the board, which may be an earlier, better one." })
  readonly score!: number;

  @ApiProperty({ description: 'Whether this very score is the one that counts now.' })
  readonly improved!: boolean;
}
