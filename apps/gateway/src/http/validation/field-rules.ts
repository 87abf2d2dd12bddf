import { getMetadataStorage, type ValidationError } from 'class-validator';
import { shortened, shownValue } from '../problem.js';

/** Characters of a name that a message quotes. */
const MAX_NAME = 100;

/** The rules of the fields of a class, as class-validator keeps them. */
const rulesOf = (type: unknown) =>
  typeof type === 'function' ? getMetadataStorage().getTargetValidationMetadatas(type, '', false, false) : [];

/** The fields that a class has. */
export const fieldsOf = (type: unknown): ReadonlySet<string> =>
  new Set(rulesOf(type).map(({ propertyName }) => propertyName));

/**
 * What a message says of a field that is not as it should be: which it is, what is allowed, and what was sent. Where a
 * rule has words of its own, they say what is allowed; else all rules of the field do, together.
 *
 * @param type the class that has the field
 * @param value as it was sent
 */
export function brokenRule(type: unknown, error: ValidationError, path: string, value: unknown): string {
  const { property, constraints = {} } = error;
  const rules = rulesOf(type).filter(({ propertyName }) => propertyName === property);
  const own = rules.find(
    ({ name, message }) => message !== undefined && Object.hasOwn(constraints, name ?? ''),
  );
  const rule = (own?.name && constraints[own.name]) || `${path} must be ${allowed(rules)}`;
  // What makes its message of the value shows it, too.
  return typeof own?.message === 'function' ? rule : withValue(rule, value);
}

/** A rule with the value that breaks it. */
export const withValue = (rule: string, value: unknown) => `${rule}; it is ${shownValue(value)}`;

/** The message for a field or query parameter that does not exist. @param known those that do */
export function unknownName(
  kind: 'field' | 'query parameter',
  name: string,
  value: unknown,
  known: Iterable<string>,
): string {
  const names = [...known];
  const remedy = names.length === 0 ? `there are no ${kind}s here` : `the ${kind}s are ${names.join(', ')}`;
  return `${withValue(`${name === '' ? '""' : shortened(name, MAX_NAME)} is not a ${kind} here`, value)}. Leave it out: ${remedy}`;
}

interface Rule {
  readonly name?: string | undefined;
  readonly constraints: readonly unknown[];
}

type Find = (name: string) => unknown;

/** What the rules of a field allow, in words. A rule that is not known here has its own `message`. */
function allowed(rules: readonly Rule[]): string {
  const has = (...names: string[]) => rules.some(({ name = '' }) => names.includes(name));
  const find: Find = name => rules.find(rule => rule.name === name)?.constraints[0];
  if (has('isIn')) return oneOf(find('isIn') as readonly unknown[]);
  if (has('isBoolean')) return 'true or false';
  if (has('isArray')) return `a list of ${find('arrayMinSize') ?? 0} to ${find('arrayMaxSize')} items`;
  if (has('isInt')) return `an integer${range(find)}`;
  if (has('isPositive')) return `a number above 0${has('max') ? `, at most ${find('max')}` : ''}`;
  if (has('isNumber')) return `a finite number${range(find)}`;
  if (has('maxLength')) return `text of at most ${find('maxLength')} characters`;
  return has('isString') ? 'text' : 'as the documentation (/docs) says';
}

function range(find: Find): string {
  const [least, most] = [find('min'), find('max')];
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (least !== undefined) return ` of at least ${least}`;
  return most === undefined ? '' : ` of at most ${most}`;
}

const oneOf = (values: readonly unknown[]) => values.map(value => JSON.stringify(value)).join(' or ');
