import { afterSpace, afterString, afterWord, nextName, stringMeant } from '../http/server/json-text.js';
import type { Spend } from './work-budget.js';

/**
 * JSON as it is written: an object is a map, and what is neither object nor list is its own text. Nothing changes
 * that is not touched: numbers beyond 2^53, -0, 1.0, escapes and the order of keys all stay.
 */
export type JsonTree = string | JsonTree[] | Map<string, JsonTree>;

/** An object has a key twice: what it means is not defined, so neither is what a change of it would mean. */
export class DuplicateKeyError extends Error {
  readonly code = 'DUPLICATE_KEY';
  override readonly name = 'DuplicateKeyError';

  constructor(key: string) {
    super(`an object has the key ${JSON.stringify(key)} twice`);
  }
}

/** A tree is nested deeper than whoever takes it lets it be. */
export class TooDeepError extends Error {
  readonly code = 'TOO_DEEP';
  override readonly name = 'TooDeepError';
}

/**
 * @param json text that is known to be JSON, of a depth that a recursion can take
 * @throws DuplicateKeyError
 */
export function parseTree(json: string): JsonTree {
  return new TreeReader(json).value(0);
}

class TreeReader {
  /** The place after what was read last. */
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
 * @param levels that the tree can have
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

/** Characters that are compared in one step of work. */
const STEP_CHARACTERS = 32;

/** Steps of work that it takes to read a scalar. */
export const stepsOf = (tree: JsonTree | undefined): number =>
  typeof tree === 'string' ? 1 + tree.length / STEP_CHARACTERS : 1;

/** Whether two mean the same: 1.0 is 1, and neither the order of keys nor how a character is escaped counts. */
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

/** Steps of work beside those for its length that it takes to normalise a number. */
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

/** Up to 15 digits, no two decimals are the same double. A word that is no number equals no other. */
const isExactDouble = (scalar: string) =>
  scalar.length <= 15 && !scalar.includes('e') && !scalar.includes('E');

/** Digits of an exponent up to which numbers are compared exactly. With more of them, they are compared as written. */
const EXPONENT_DIGITS = 1_000;
const ZERO = 0x30;

/** One text for all ways to write the same number; a word is its own. Its time grows with the length of the number. */
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
