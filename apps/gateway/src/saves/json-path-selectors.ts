import { stringMeant } from '../http/server/json-text.js';
import { equalTrees, type JsonTree, stepsOf } from './json-tree.js';
import type { Spend } from './work-budget.js';

/** The state of an evaluation. */
export interface Scope {
  readonly root: JsonTree;
  /** Counts every value that is visited, and every part of the path that is tried on one. */
  readonly spend: Spend;
}

export type Selector = (value: JsonTree, scope: Scope) => readonly JsonTree[];
/** One segment of a path: from the values selected so far to the next ones. */
export type Segment = (values: readonly JsonTree[], scope: Scope) => readonly JsonTree[];
export type Condition = (current: JsonTree, scope: Scope) => boolean;
/** One side of a comparison; undefined when it selects nothing. */
export type Operand = (current: JsonTree, scope: Scope) => JsonTree | undefined;

export function follow(segments: readonly Segment[], start: JsonTree, scope: Scope): readonly JsonTree[] {
  let values: readonly JsonTree[] = [start];
  for (const segment of segments) values = segment(values, scope);
  return values;
}

export function children(value: JsonTree, { spend }: Scope): readonly JsonTree[] {
  if (typeof value === 'string') return [];
  const values = Array.isArray(value) ? value : [...value.values()];
  spend(values.length);
  return values;
}

function withDescendants(values: readonly JsonTree[], scope: Scope): JsonTree[] {
  const found: JsonTree[] = [];
  const add = (value: JsonTree) => {
    found.push(value);
    for (const inner of children(value, scope)) add(inner);
  };
  for (const value of values) add(value);
  return found;
}

export const byName =
  (name: string): Selector =>
  value => {
    const found = value instanceof Map ? value.get(name) : undefined;
    return found === undefined ? [] : [found];
  };

export const byIndex =
  (index: number): Selector =>
  value => {
    const found = Array.isArray(value) ? value.at(index) : undefined;
    return found === undefined ? [] : [found];
  };

/** RFC 9535, 2.3.4.2.2. */
export const bySlice =
  (start: number | undefined, end: number | undefined, step: number): Selector =>
  value => {
    if (!Array.isArray(value) || step === 0) return [];
    const { length } = value;
    const place = (index: number) => (index < 0 ? length + index : index);
    const [least, most] = step > 0 ? [0, length] : [-1, length - 1];
    const within = (index: number) => Math.min(Math.max(place(index), least), most);
    const from = start === undefined ? (step > 0 ? 0 : length - 1) : within(start);
    const to = end === undefined ? (step > 0 ? length : -1) : within(end);
    const found: JsonTree[] = [];
    for (let i = from; step > 0 ? i < to : i > to; i += step) found.push(value[i] as JsonTree);
    return found;
  };

export const byCondition =
  (holds: Condition): Selector =>
  (value, scope) =>
    children(value, scope).filter(inner => holds(inner, scope));

export const toSegment =
  (selectors: readonly Selector[], isDeep: boolean): Segment =>
  (values, scope) => {
    const found: JsonTree[] = [];
    for (const value of isDeep ? withDescendants(values, scope) : values)
      for (const select of selectors) {
        const selected = select(value, scope);
        // A selector that finds nothing costs a step, too.
        scope.spend(1 + selected.length);
        for (const one of selected) found.push(one);
      }
    return found;
  };

export function isMet(condition: Condition, current: JsonTree, scope: Scope): boolean {
  scope.spend(1);
  return condition(current, scope);
}

export function comparison(left: Operand, sign: string, right: Operand): Condition {
  return (current, scope) => {
    const [a, b] = [left(current, scope), right(current, scope)];
    const { spend } = scope;
    const isEqual = () => (a === undefined || b === undefined ? a === b : equalTrees(a, b, spend));
    if (sign === '==') return isEqual();
    if (sign === '!=') return !isEqual();
    spend(stepsOf(a) + stepsOf(b));
    const [lesser, greater] = sign.startsWith('<') ? [a, b] : [b, a];
    return isLess(lesser, greater) || (sign.endsWith('=') && isEqual());
  };
}

/** Only two numbers or two strings have an order. */
function isLess(a: JsonTree | undefined, b: JsonTree | undefined): boolean {
  if (typeof a !== 'string' || typeof b !== 'string') return false;
  if (a.startsWith('"')) return b.startsWith('"') && stringMeant(a) < stringMeant(b);
  return isNumber(a) && isNumber(b) && Number(a) < Number(b);
}

const isNumber = (scalar: string) => /^[-\d]/.test(scalar);
