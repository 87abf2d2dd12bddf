import {
  byCondition,
  byIndex,
  byName,
  bySlice,
  type Condition,
  children,
  comparison,
  follow,
  isMet,
  type Operand,
  type Scope,
  type Segment,
  type Selector,
  toSegment,
} from './json-path-selectors.js';
import type { JsonTree } from './json-tree.js';
import { newBudget } from './work-budget.js';

/** The longest path, in characters. */
const MAX_LENGTH = 512;

/** The text is not a JSONPath, or uses a feature that is not supported. */
export class JsonPathError extends Error {
  readonly code = 'JSON_PATH';
  override readonly name = 'JsonPathError';
}

/** Returns the values that the path selects, in document order. */
export type JsonPath = (document: JsonTree) => readonly JsonTree[];

/**
 * Parses a JSONPath (RFC 9535), without function extensions: `match` and `search` would run regular expressions of clients.
 *
 * @returns a function that throws WorkBudgetError when the path takes too much work
 * @throws JsonPathError
 */
export function parseJsonPath(text: string): JsonPath {
  if (text.length > MAX_LENGTH) throw new JsonPathError(`it is longer than ${MAX_LENGTH} characters`);
  const segments = new Parser(text).path();
  return root => follow(segments, root, { root, spend: newBudget() });
}

const NAME = /[\p{L}_\u0080-\u{10ffff}][\p{L}\w\u0080-\u{10ffff}]*/uy;
const STRING = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const INDEX = /-?(?:0|[1-9]\d{0,14})(?![\d.eE])/y;
const WORD = /(?:true|false|null)(?!\w)/y;
const SPACE = /\s*/y;
const COMPARISON = /==|!=|<=|>=|<|>/y;

/** Reads a path from left to right. */
class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  path(): Segment[] {
    if (!this.has('$')) throw this.error('a path begins with $');
    const { segments } = this.segments();
    if (this.at < this.text.length) throw this.error('this is not expected');
    return segments;
  }

  /** `isSingular`: whether the segments select at most one value. */
  private segments(): { segments: Segment[]; isSingular: boolean } {
    const segments: Segment[] = [];
    let isSingular = true;
    for (;;) {
      const before = this.at;
      this.take(SPACE);
      const isDeep = this.has('..');
      const bracketed = this.has('[');
      if (!isDeep && !bracketed && !this.has('.')) {
        this.at = before;
        return { segments, isSingular };
      }
      const { selectors, isOne } = bracketed ? this.bracket() : this.shorthand();
      isSingular &&= isOne && !isDeep;
      segments.push(toSegment(selectors, isDeep));
    }
  }

  private shorthand(): { selectors: Selector[]; isOne: boolean } {
    if (this.has('*')) return { selectors: [children], isOne: false };
    const name = this.take(NAME);
    if (name === undefined) throw this.error('expected a name or *');
    return { selectors: [byName(name)], isOne: true };
  }

  private bracket(): { selectors: Selector[]; isOne: boolean } {
    const selectors: Selector[] = [];
    let isOne = true;
    do {
      this.take(SPACE);
      const { select, isOne: one } = this.selector();
      selectors.push(select);
      isOne &&= one;
      this.take(SPACE);
    } while (this.has(','));
    this.expect(']');
    return { selectors, isOne: isOne && selectors.length === 1 };
  }

  private selector(): { select: Selector; isOne: boolean } {
    if (this.has('*')) return { select: children, isOne: false };
    if (this.has('?')) return { select: byCondition(this.either()), isOne: false };
    const name = this.string();
    if (name !== undefined) return { select: byName(name), isOne: true };
    const start = this.index();
    if (!this.colon()) {
      if (start === undefined) throw this.error('expected a name in quotes, an index, a slice, * or ?');
      return { select: byIndex(start), isOne: true };
    }
    const end = this.index();
    const step = this.colon() ? this.index() : 1;
    return { select: bySlice(start, end, step ?? 1), isOne: false };
  }

  private either(): Condition {
    const conditions = [this.both()];
    while (this.token('||')) conditions.push(this.both());
    return (current, scope) => conditions.some(holds => isMet(holds, current, scope));
  }

  private both(): Condition {
    const conditions = [this.condition()];
    while (this.token('&&')) conditions.push(this.condition());
    return (current, scope) => conditions.every(holds => isMet(holds, current, scope));
  }

  private condition(): Condition {
    if (this.token('!')) {
      const negated = this.condition();
      return (current, scope) => !isMet(negated, current, scope);
    }
    if (this.token('(')) {
      const inner = this.either();
      this.take(SPACE);
      this.expect(')');
      return inner;
    }
    const left = this.operand();
    this.take(SPACE);
    const sign = this.take(COMPARISON);
    if (sign !== undefined) return comparison(left.value(), sign, this.operand().value());
    if (!left.exists) throw this.error('a value by itself is no condition: compare it');
    return left.exists;
  }

  private operand(): { value: () => Operand; exists?: Condition } {
    this.take(SPACE);
    const start = this.has('@') ? 'current' : this.has('$') ? 'root' : undefined;
    if (start === undefined) {
      const literal = this.literal();
      return { value: () => () => literal };
    }
    const { segments, isSingular } = this.segments();
    const select = (current: JsonTree, scope: Scope) =>
      follow(segments, start === 'current' ? current : scope.root, scope);
    return {
      exists: (current, scope) => select(current, scope).length > 0,
      value: () => {
        if (!isSingular) throw this.error('only what selects one value can be compared');
        return (current, scope) => select(current, scope)[0];
      },
    };
  }

  private literal(): JsonTree {
    const string = this.string();
    const literal = string === undefined ? (this.take(WORD) ?? this.take(NUMBER)) : JSON.stringify(string);
    if (literal === undefined)
      throw this.error('expected @, $, a string, a number, true, false or null (there are no functions)');
    return literal;
  }

  private string(): string | undefined {
    const quoted = this.take(STRING);
    if (quoted === undefined) return undefined;
    const inner = quoted.slice(1, -1);
    const json = quoted.startsWith("'")
      ? inner.replaceAll(/\\.|"/gs, part => (part === "\\'" ? "'" : part === '"' ? '\\"' : part))
      : inner;
    try {
      return JSON.parse(`"${json}"`) as string;
    } catch {
      throw this.error('this string is none of JSON');
    }
  }

  private index(): number | undefined {
    this.take(SPACE);
    const index = this.take(INDEX);
    return index === undefined ? undefined : Number(index);
  }

  private colon(): boolean {
    this.take(SPACE);
    return this.has(':');
  }

  private token(text: string): boolean {
    this.take(SPACE);
    return this.has(text);
  }

  private expect(text: string): void {
    if (!this.has(text)) throw this.error(`expected ${text}`);
  }

  private has(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.text) ?? [];
    this.at += found?.length ?? 0;
    return found;
  }

  private error(reason: string): JsonPathError {
    return new JsonPathError(`${reason}, at character ${this.at + 1}`);
  }
}
