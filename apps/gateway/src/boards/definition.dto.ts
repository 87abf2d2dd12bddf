import { ApiPropertyOptional } from '@nestjs/swagger';
import {
  IsIn,
  IsInt,
  IsNumber,
  IsPositive,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import {
  type AttributeFilter,
  type BoardDefinition,
  DEFAULT_DEFINITION,
  DEFAULT_KEEP_PERIODS,
  OPERATORS,
  ORDERS,
  RANKINGS,
  readDefinition,
  SUBMITTERS,
  TIE_BREAKS,
} from '#libs/events';
import type { FieldError } from '../http/problem.js';
import { inexact, inexactNumber } from '../http/validation/exact-numbers.js';
import { withValue } from '../http/validation/field-rules.js';
import { ID_PATTERN, ID_RULE } from '../http/validation/ids.js';
import { Is, invalid } from '../http/validation/validation.js';
import { faultInNamed, faultShown, isAttribute, MAX_ATTRIBUTES } from '../scores/attributes.js';
import { resetFault } from './reset.js';

const MAX_CHOICES = 64;
/** The longest filter as JSON, in characters: a list of boards contains up to a thousand filters. */
const MAX_FILTER_LENGTH = 8 * 1024;
/** Fields that a derived board cannot have: they are rules for submitting, which its source decides. */
const OF_SUBMITTING = ['min', 'max', 'submit', 'minInterval', 'shards'] as const;

/** The field may be absent, but not null. */
const Optional = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

function faultInFilter(value: unknown) {
  if (JSON.stringify(value).length > MAX_FILTER_LENGTH) return { value };
  return faultInNamed(value, 1, wanted => {
    const choices: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    return choices.length >= 1 && choices.length <= MAX_CHOICES && choices.every(isAttribute);
  });
}

const FILTER_RULE = `filter must be an object of 1 to ${MAX_ATTRIBUTES} attributes, each a string, number or boolean, or a list of 1 to ${MAX_CHOICES} of them; at most ${MAX_FILTER_LENGTH} characters as JSON`;

function filterRule(value: unknown): string {
  const fault = faultInFilter(value);
  return `${FILTER_RULE}; ${fault ? faultShown('filter', fault) : ''}`;
}

function isTimezone(value: unknown): boolean {
  // An offset such as +02:00 has no daylight saving time.
  if (typeof value !== 'string' || !/^[A-Za-z]/.test(value)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

/** A definition in requests and answers. */
export class DefinitionFields {
  @ApiPropertyOptional({ enum: ORDERS, default: 'desc', description: 'Which scores stand higher.' })
  @Optional()
  @IsIn(ORDERS)
  readonly order?: BoardDefinition['order'];

  @ApiPropertyOptional({
    enum: OPERATORS,
    default: 'best',
    description: "What a player's scores make together: the best one, the latest one, or their exact sum.",
  })
  @Optional()
  @IsIn(OPERATORS)
  readonly operator?: BoardDefinition['operator'];

  @ApiPropertyOptional({
    enum: TIE_BREAKS,
    default: 'first',
    description: 'Who stands higher among equal scores: who got there first, or last, or neither.',
  })
  @Optional()
  @IsIn(TIE_BREAKS)
  readonly tieBreak?: BoardDefinition['tieBreak'];

  @ApiPropertyOptional({
    enum: RANKINGS,
    default: 'standard',
    description: 'What numbers equal scores get: standard 1, 2, 2, 4; dense 1, 2, 2, 3; ordinal 1, 2, 3, 4.',
  })
  @Optional()
  @IsIn(RANKINGS)
  readonly ranking?: BoardDefinition['ranking'];

  @ApiPropertyOptional({
    example: 'weekly',
    description: 'When a new period begins: daily, weekly, monthly, or a cron expression of five fields.',
  })
  @Optional()
  @IsString()
  @MaxLength(100)
  readonly reset?: string;

  @ApiPropertyOptional({
    default: 'UTC',
    example: 'America/Sao_Paulo',
    description: 'An IANA time zone: where days begin. Only with `reset`.',
  })
  @Optional()
  @Is(isTimezone, 'timezone must be an IANA time zone such as "America/Sao_Paulo"')
  readonly timezone?: string;

  @ApiPropertyOptional({
    minimum: 0,
    maximum: 1_000,
    default: DEFAULT_KEEP_PERIODS,
    description: 'Past periods with scores that are kept beside the newest. Only with `reset`.',
  })
  @Optional()
  @IsInt()
  @Min(0)
  @Max(1_000)
  readonly keepPeriods?: number;

  @ApiPropertyOptional({
    example: 'arena',
    pattern: ID_PATTERN.source,
    description: 'The board whose scores this one counts, instead of its own.',
  })
  @Optional()
  @IsString()
  @Matches(ID_PATTERN, { message: `source must be an id: ${ID_RULE}` })
  readonly source?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    example: { region: ['eu', 'us'] },
    description: 'Only scores count that have one of the values for every one of the attributes.',
  })
  @Optional()
  @Is(value => faultInFilter(value) === undefined, filterRule)
  readonly filter?: AttributeFilter;

  @ApiPropertyOptional({ example: 0, description: 'A score below is refused.' })
  @Optional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  readonly min?: number;

  @ApiPropertyOptional({ example: 1_000_000, description: 'A score above is refused.' })
  @Optional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  readonly max?: number;

  @ApiPropertyOptional({
    enum: SUBMITTERS,
    default: 'players',
    description: 'Who may submit: players (and servers), or servers only.',
  })
  @Optional()
  @IsIn(SUBMITTERS)
  readonly submit?: BoardDefinition['submit'];

  @ApiPropertyOptional({
    minimum: 1,
    maximum: 10_000_000,
    description: 'Only so many entries, from the top, are shown, ranked and counted.',
  })
  @Optional()
  @IsInt()
  @Min(1)
  @Max(10_000_000)
  readonly maxEntries?: number;

  @ApiPropertyOptional({
    minimum: 0,
    exclusiveMinimum: true,
    maximum: 86_400,
    description: 'Seconds between two scores of one player, at least; sooner is refused.',
  })
  @Optional()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @IsPositive()
  @Max(86_400)
  readonly minInterval?: number;

  @ApiPropertyOptional({
    minimum: 1,
    default: 1,
    example: 4,
    description:
      'Partitions over which a board that is too busy for one is spread, by player. It cannot be changed later. Not with `source`, which has its own, nor with `dense` ranks.',
  })
  @Optional()
  @IsInt()
  @Min(1)
  readonly shards?: number;
}

/**
 * The complete definition, with defaults for absent fields.
 *
 * @throws Problem 400 when valid fields contradict each other
 */
export function definitionFrom(board: string, fields: DefinitionFields): BoardDefinition {
  const errors = contradictions(board, fields);
  if (errors.length > 0) throw invalid(errors);
  const rounded = inexactNumber(fields, '');
  if (rounded !== undefined) throw inexact(rounded, rounded.path.startsWith('filter.'));
  const isGiven = ([field, value]: [string, unknown]) =>
    value !== undefined && !(field === 'shards' && value === 1);
  const given = Object.fromEntries(Object.entries(fields).filter(isGiven));
  return readDefinition({
    ...DEFAULT_DEFINITION,
    ...(fields.reset !== undefined && { timezone: 'UTC', keepPeriods: DEFAULT_KEEP_PERIODS }),
    ...given,
  });
}

function contradictions(board: string, fields: DefinitionFields): FieldError[] {
  const { reset, timezone, source, min, max, shards = 1, ranking } = fields;
  const errors: FieldError[] = [];
  const refuse = (path: keyof DefinitionFields, rule: string) =>
    errors.push({ path, message: withValue(rule, fields[path]) });
  if (reset === undefined) {
    for (const path of ['timezone', 'keepPeriods'] as const)
      if (fields[path] !== undefined) refuse(path, `${path} needs reset: without it, there are no periods`);
  } else {
    const fault = resetFault(reset, timezone);
    // It shows the expression.
    if (fault) errors.push({ path: 'reset', message: fault });
  }
  if (min !== undefined && max !== undefined && min > max)
    refuse('min', `min must be at most max, which is ${max}`);
  if (shards > 1 && ranking === 'dense')
    refuse('ranking', 'ranking cannot be dense with shards: different scores cannot be counted over shards');
  if (source === board) refuse('source', 'source must be another board than the one that is defined');
  if (source !== undefined)
    for (const path of OF_SUBMITTING)
      if (fields[path] !== undefined)
        refuse(path, `${path} belongs to the source: ${source} is where scores are submitted`);
  return errors;
}
