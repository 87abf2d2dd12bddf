import { afterSpace, afterString, afterWord, nextName, stringMeant } from '../http/server/json-text.js';
import type { Spend } from './work-budget.js';

/**
 * A lossless JSON document: objects are maps, and scalars are kept as their source text. So numbers beyond 2^53, -0, 1.0,
 * escapes, and the order of keys stay as they were written.
 */
export type JsonTree = string | JsonTree[] | Map<string, JsonTree>;

/** An object has a key twice. Its meaning is undefined, so it can be neither patched nor queried. */
export class DuplicateKeyError extends Error {
  readonly code = 'DUPLICATE_KEY';
  override readonly name = 'DuplicateKeyError';

  constructor(key: string) {
    super(`an object has the key ${JSON.stringify(key)} twice`);
  }
}

/** A tree is nested too deeply. */
export class TooDeepError extends Error {
  readonly code = 'TOO_DEEP';
  override readonly name = 'TooDeepError';
}

/**
 * @param json valid JSON, not too deep for a recursive function
 * @throws DuplicateKeyError
 */
export function parseTree(json: string): JsonTree {
  return new TreeReader(json).value(0);
}

class TreeReader {
  /** The position after the last token. */
  private end = 0;

  constructor(private readonly json: string) {}

  value(from: number): JsonTree {
    const at = afterSpace(this.json, from);
    const first = this.json[at];
    if (first === '{') return this.object(at + 1);
    if (first === '[') return this.list(at + 1);
    this.end = first === '"' ? afterString(this.json, at) : afterWord(this.json, at);
    return this.json.slice(at, this.end);
  }

  private list(from: number): JsonTree[] {
    const list: JsonTree[] = [];
    let at = afterSpace(this.json, from);
    while (at < this.json.length && this.json[at] !== ']') {
      list.push(this.value(at));
      at = afterSpace(this.json, this.end);
      if (this.json[at] === ',') at++;
    }
    this.end = at + 1;
    return list;
  }

  private object(from: number): Map<string, JsonTree> {
    const fields = new Map<string, JsonTree>();
    this.end = from;
    for (let name = nextName(this.json, from); name; name = nextName(this.json, this.end)) {
      const key = stringMeant(name.written);
      if (fields.has(key)) throw new DuplicateKeyError(key);
      fields.set(key, this.value(name.value));
    }
    this.end = afterSpace(this.json, this.end) + 1;
    return fields;
  }
}

/**
 * @param levels the maximum depth of nesting
 * @throws TooDeepError
 */
export function formatTree(tree: JsonTree, levels: number): string {
  if (typeof tree === 'string') return tree;
  if (levels === 0) throw new TooDeepError();
  const isList = Array.isArray(tree);
  let text = isList ? '[' : '{';
  let comma = '';
  for (const [key, value] of tree.entries()) {
    text += isList ? comma : `${comma}${JSON.stringify(key)}:`;
    text += formatTree(value, levels - 1);
    comma = ',';
  }
  return text + (isList ? ']' : '}');
}

/** Characters that are compared in one step. */
const STEP_CHARACTERS = 32;

/** How many steps of the work budget it costs to read a scalar; 1 for a list or an object. */
export const stepsOf = (tree: JsonTree | undefined): number =>
  typeof tree === 'string' ? 1 + tree.length / STEP_CHARACTERS : 1;

/** Whether two trees have the same value: 1.0 equals 1, and neither key order nor escapes matter. */
export function equalTrees(a: JsonTree, b: JsonTree, spend: Spend): boolean {
  spend(stepsOf(a) + stepsOf(b));
  if (typeof a === 'string' || typeof b === 'string')
    return typeof a === 'string' && typeof b === 'string' && equalScalars(a, b, spend);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalTrees(item, b[i] as JsonTree, spend));
  }
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !equalTrees(value, other, spend)) return false;
  }
  return true;
}

/** How many steps of the work budget it costs to normalise a number, in addition to the steps for its length. */
const NORMALISING_STEPS = 8;

function equalScalars(a: string, b: string, spend: Spend): boolean {
  if (a === b) return true;
  const isText = a.startsWith('"');
  if (isText !== b.startsWith('"')) return false;
  if (isText) return stringMeant(a) === stringMeant(b);
  if (isExactDouble(a) && isExactDouble(b)) return Number(a) === Number(b);
  spend(NORMALISING_STEPS);
  return numberMeant(a) === numberMeant(b);
}

/**
 * Whether a scalar can be compared as a double: different decimals of up to 15 digits are different doubles. `true`,
 * `false`, and `null` become NaN, which equals nothing.
 */
const isExactDouble = (scalar: string) =>
  scalar.length <= 15 && !scalar.includes('e') && !scalar.includes('E');

/** Numbers with longer exponents are compared as text. */
const EXPONENT_DIGITS = 1_000;
const ZERO = 0x30;

/** The normal form of a number; other scalars are returned unchanged. Its time is linear in the length. */
function numberMeant(scalar: string): string {
  const sign = scalar.startsWith('-') ? '-' : '';
  const [mantissa = '', exponent = '0'] = scalar.slice(sign.length).toLowerCase().split('e', 2);
  const [whole = '', fraction = ''] = mantissa.split('.', 2);
  if (!/^\d+$/.test(whole) || exponent.length > EXPONENT_DIGITS) return scalar;
  const digits = whole + fraction;
  let [begin, end] = [0, digits.length];
  while (begin < end && digits.charCodeAt(begin) === ZERO) begin++;
  while (begin < end && digits.charCodeAt(end - 1) === ZERO) end--;
  if (begin === end) return '0';
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - end);
  return `${sign}${digits.slice(begin, end)}e${scale}`;
}
