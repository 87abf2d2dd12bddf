import { type ArgumentMetadata, type ValidationError, ValidationPipe } from '@nestjs/common';
import { registerDecorator } from 'class-validator';
import { LRUCache } from 'lru-cache';
import { type FieldError, Problem, SHOWN_ERRORS, shortened, shownValue } from '../problem.js';
import { brokenRule, fieldsOf, unknownName } from './field-rules.js';

/** Values in a body with class-validator rules, at most. A definition can have a filter of 1,024. */
const MAX_VALUES = 5_000;
/** Characters of one message within `detail`, at most. */
const MAX_IN_DETAIL = 256;

/** Carries the errors of class-validator to the pipe, which knows the values as they were sent. */
class InvalidFieldsError extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('invalid fields');
  }
}

/**
 * One message for each invalid field, with its value. Our DTOs do not nest: lists and objects in them have checks of their own.
 *
 * @param type the class of the fields
 */
function fieldErrors(errors: readonly ValidationError[], type: unknown, sent: unknown): FieldError[] {
  return errors.map(error => {
    const { property: path, constraints = {} } = error;
    const value = Object(sent)[path] as unknown;
    const isUnknown = Object.hasOwn(constraints, 'whitelistValidation');
    if (isUnknown) return unknownField(path, value, fieldsOf(type));
    return { path, message: brokenRule(type, error, path, value) };
  });
}

/** @param sent the fields as they were sent */
function toProblem(error: unknown, type: unknown, sent: unknown): unknown {
  return error instanceof InvalidFieldsError ? invalid(fieldErrors(error.errors, type, sent)) : error;
}

const exceptionFactory = (errors: ValidationError[]) => new InvalidFieldsError(errors);

/**
 * The 400 for invalid fields. It lists the first ones, and says how many more there are.
 *
 * @param unlisted how many invalid fields are not in `errors`
 */
export function invalid(errors: readonly FieldError[], unlisted = 0): Problem {
  const shown = errors.slice(0, SHOWN_ERRORS);
  const messages = shown.map(({ message }) => shortened(message, MAX_IN_DETAIL));
  const more = errors.length - shown.length + unlisted;
  if (more > 0) messages.push(`and ${more} more`);
  return new Problem(400, { code: 'validation', detail: messages.join('; '), errors: shown });
}

/**
 * The error of an unknown field.
 *
 * @param fields the known ones
 */
export const unknownField = (path: string, value: unknown, fields: Iterable<string>): FieldError => ({
  path,
  message: unknownName('field', path, value, fields),
});

/** The name of our checks in class-validator. A field has at most one of them. */
const IS = 'is';

/**
 * A validation decorator for a function.
 *
 * @param rule the message, which says what is allowed. If it is made from the value, it must show the value, too
 */
export const Is =
  (validate: (value: unknown) => boolean, rule: string | ((value: unknown) => string)): PropertyDecorator =>
  (target, propertyName) =>
    registerDecorator({
      name: IS,
      target: target.constructor,
      propertyName: String(propertyName),
      options: { message: typeof rule === 'string' ? rule : ({ value }) => rule(value) },
      validator: { validate },
    });

/**
 * Validates bodies. Unknown fields are refused, and nothing is converted. A body with more values than any needs is refused
 * before class-validator runs: it takes microseconds for each value, and 256 KiB can hold 100,000.
 */
class BodyPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (value !== undefined && (typeof value !== 'object' || value === null || Array.isArray(value)))
      throw invalid([
        { path: '', message: `the body must be a JSON object such as {}; it is ${shownValue(value)}` },
      ]);
    const sent = Object.entries(value ?? {});
    const known = fieldsOf(metadata.metatype);
    const unknown = sent.filter(([field]) => !known.has(field));
    if (unknown.length > SHOWN_ERRORS) {
      const shown = unknown.slice(0, SHOWN_ERRORS);
      throw invalid(
        shown.map(([field, inner]) => unknownField(field, inner, known)),
        unknown.length - SHOWN_ERRORS,
      );
    }
    if (valuesIn(value, MAX_VALUES) > MAX_VALUES)
      throw invalid([
        { path: '', message: `the body has more than ${MAX_VALUES} values, and no body here needs so many` },
      ]);
    return super.transform(value, metadata).catch(error => {
      throw toProblem(error, metadata.metatype, value);
    });
  }
}

export const bodyPipe = new BodyPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  exceptionFactory,
});

/** How many values a value has, itself included. It stops counting soon after the limit. */
function valuesIn(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) {
    if (count > limit) break;
    count += valuesIn(inner, limit - count);
  }
  return count;
}

/** Validated queries in the cache, for all routes together. */
const QUERIES = 1_000;

/** Validates queries, and caches valid ones: most clients ask for the same few pages. */
class QueryPipe extends ValidationPipe {
  private readonly read = new LRUCache<string, object>({ max: QUERIES });

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<object> {
    const text = `${metadata.metatype?.name} ${JSON.stringify(value)}`;
    const known = this.read.get(text);
    if (known) return known;
    const read = super.transform(value, metadata).catch(error => {
      throw toProblem(error, metadata.metatype, numbersIn(value));
    });
    const query: object = Object.freeze(await read);
    this.read.set(text, query);
    return query;
  }
}

/** The values of a query for messages: numbers appear without quotes. */
function numbersIn(query: unknown): Record<string, unknown> {
  const values = Object.entries(Object(query)).map(([name, value]) => {
    const isNumber = typeof value === 'string' && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(value);
    return [name, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(values);
}

/** Converts text to numbers where the DTO has numbers, and ignores unknown parameters: `QueryGuard` refuses them. */
export const queryPipe = new QueryPipe({
  transform: true,
  transformOptions: { enableImplicitConversion: true, exposeDefaultValues: true },
  exceptionFactory,
});
