import { type ArgumentMetadata, type ValidationError, ValidationPipe } from '@nestjs/common';
import { registerDecorator } from 'class-validator';
import { RecentlyUsed } from '#libs/redis';
import { brokenRule, fieldsOf, unknownName } from './field-rules.js';
import { type FieldError, Problem, SHOWN_ERRORS, shortened, shownValue } from './problem.js';

/** Values in a body that is checked field by field, at most: a definition can have a filter of 1,024. */
const MAX_VALUES = 5_000;
/** Characters of a message, or of a name that it quotes, within a longer text. */
const MAX_IN_DETAIL = 256;

/** What class-validator found, on its way to where the values are as they were sent. */
class InvalidFieldsError extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('invalid fields');
  }
}

/**
 * What is wrong with fields: one message for each, that shows the value. Our bodies and queries have no classes within
 * classes: lists and objects in them are read by code of their own.
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
 * The answer to fields that are not as they should be: the first of them, and how many there are.
 *
 * @param unlisted how many are wrong besides those that are listed
 */
export function invalid(errors: readonly FieldError[], unlisted = 0): Problem {
  const shown = errors.slice(0, SHOWN_ERRORS);
  const messages = shown.map(({ message }) => shortened(message, MAX_IN_DETAIL));
  const more = errors.length - shown.length + unlisted;
  if (more > 0) messages.push(`and ${more} more`);
  return new Problem(400, { code: 'validation', detail: messages.join('; '), errors: shown });
}

/**
 * What is wrong with a field that nobody knows.
 *
 * @param fields that there are
 */
export const unknownField = (path: string, value: unknown, fields: Iterable<string>): FieldError => ({
  path,
  message: unknownName('field', path, value, fields),
});

/** What class-validator calls them; a field has one of them at most. */
const IS = 'is';

/**
 * A check of our own as a decorator.
 *
 * @param rule the sentence that says what it asks for; one that is made of the value shows it, too
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
 * Bodies: unknown fields are refused, nothing is converted. What has more values than any body needs is refused before
 * class-validator sees it: for each of them it takes microseconds, and a quarter of a megabyte has 100,000.
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

/** How many values are in a value, itself included; beyond the limit they are not counted to the end. */
function valuesIn(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) {
    if (count > limit) break;
    count += valuesIn(inner, limit - count);
  }
  return count;
}

/** Queries that are remembered, of all routes. */
const QUERIES = 1_000;

/** Most clients ask for the same few pages: what was valid once is not read a second time. */
class QueryPipe extends ValidationPipe {
  private readonly read = new RecentlyUsed<object>(QUERIES);

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

/** The values of a query as a message shows them: what is a number is not put in quotes. */
function numbersIn(query: unknown): Record<string, unknown> {
  const values = Object.entries(Object(query)).map(([name, value]) => {
    const isNumber = typeof value === 'string' && /^-?\d{1,15}(?:\.\d{1,15})?$/.test(value);
    return [name, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(values);
}

/** Query strings: text becomes numbers where numbers are meant; what is unknown is left alone. */
export const queryPipe = new QueryPipe({
  transform: true,
  transformOptions: { enableImplicitConversion: true, exposeDefaultValues: true },
  exceptionFactory,
});
