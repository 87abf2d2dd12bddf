import { type ValidationError, ValidationPipe } from '@nestjs/common';
import { registerDecorator } from 'class-validator';
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

/** Query strings: text becomes numbers where numbers are meant; what is unknown is left alone. */
export const queryPipe = new ValidationPipe({
  transform: true,
  transformOptions: { enableImplicitConversion: true, exposeDefaultValues: true },
  exceptionFactory: toProblem,
});
