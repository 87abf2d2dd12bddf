import { type ArgumentMetadata, type ValidationError, ValidationPipe } from '@nestjs/common';
import { registerDecorator } from 'class-validator';
import { RecentlyUsed } from '#libs/event-log';
import { type FieldError, Problem } from './problem.js';

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

/** The answer to fields that are not as they should be. */
export function invalid(errors: readonly FieldError[]): Problem {
  const detail = errors.map(({ message }) => message).join('; ');
  return new Problem(400, { code: 'validation', detail, errors });
}

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

/** Bodies: unknown fields are refused, nothing is converted. */
export const bodyPipe = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  exceptionFactory: toProblem,
});

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
