import { type ArgumentMetadata, type ValidationError, ValidationPipe } from '@nestjs/common';
import { getMetadataStorage, registerDecorator } from 'class-validator';
import { RecentlyUsed } from '#libs/event-log';
import { type FieldError, Problem, SHOWN_ERRORS, shortened, shownValue } from './problem.js';

/** Values in a body that is checked field by field, at most: a definition can have a filter of 1,024. */
const MAX_VALUES = 5_000;
/** Characters of a message, or of a name that it quotes, within a longer text. */
const MAX_IN_DETAIL = 256;

function fieldErrors(errors: readonly ValidationError[], parent = ''): FieldError[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => {
    const path = /^\d+$/.test(property)
      ? `${parent}[${property}]`
      : parent
        ? `${parent}.${property}`
        : property;
    return [
      ...Object.values(constraints).map(message => ({ path, message })),
      ...fieldErrors(children, path),
    ];
  });
}

const toProblem = (errors: ValidationError[]): Problem => invalid(fieldErrors(errors));

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

/** What is wrong with a field that nobody knows. */
export const unknownField = (field: string): FieldError => ({
  path: field,
  message: `property ${shortened(field, MAX_IN_DETAIL)} should not exist`,
});

/** A check of our own as a decorator, with the sentence that says what it asks for. */
export const Is =
  (validate: (value: unknown) => boolean, rule: string): PropertyDecorator =>
  (target, propertyName) =>
    registerDecorator({
      name: validate.name,
      target: target.constructor,
      propertyName: String(propertyName),
      validator: { validate, defaultMessage: () => rule },
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
    const fields = typeof value === 'object' && !Array.isArray(value) ? Object.keys(value ?? {}) : [];
    const unknown = fields.filter(isUnknownTo(metadata.metatype));
    if (unknown.length > SHOWN_ERRORS) throw invalid(unknown.map(unknownField));
    if (valuesIn(value, MAX_VALUES) > MAX_VALUES)
      throw invalid([
        { path: '', message: `the body has more than ${MAX_VALUES} values, and no body here needs so many` },
      ]);
    return super.transform(value, metadata);
  }
}

export const bodyPipe = new BodyPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  exceptionFactory: toProblem,
});

/** Whether a class of fields has no such field. */
function isUnknownTo(metatype: ArgumentMetadata['metatype']): (field: string) => boolean {
  const rules = metatype ? getMetadataStorage().getTargetValidationMetadatas(metatype, '', false, false) : [];
  const known = new Set(rules.map(({ propertyName }) => propertyName));
  return field => !known.has(field);
}

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
    const query: object = Object.freeze(await super.transform(value, metadata));
    this.read.set(text, query);
    return query;
  }
}

/** Query strings: text becomes numbers where numbers are meant; what is unknown is left alone. */
export const queryPipe = new QueryPipe({
  transform: true,
  transformOptions: { enableImplicitConversion: true, exposeDefaultValues: true },
  exceptionFactory: toProblem,
});
