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

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}]|[^\s[\]{},:"]+/g;

/**
 * @param json text that is known to be JSON, of a depth that a recursion can take
 * @throws DuplicateKeyError
 */
export function parseTree(json: string): JsonTree {
  const tokens = json.matchAll(TOKEN);
  const next = (): string => tokens.next().value?.[0] ?? '';
  const read = (token: string): JsonTree => {
    if (token === '[') {
      const list: JsonTree[] = [];
      for (let item = next(); item !== ']'; item = next()) list.push(read(item));
      return list;
    }
    if (token !== '{') return token;
    const fields = new Map<string, JsonTree>();
    for (let name = next(); name !== '}'; name = next()) {
      const key = JSON.parse(name) as string;
      if (fields.has(key)) throw new DuplicateKeyError(key);
      fields.set(key, read(next()));
    }
    return fields;
  };
  return read(next());
}

/**
 * @param levels that the tree can have
 * @throws TooDeepError
 */
export function formatTree(tree: JsonTree, levels: number): string {
  if (typeof tree === 'string') return tree;
  if (levels === 0) throw new TooDeepError();
  const inside = (value: JsonTree) => formatTree(value, levels - 1);
  if (Array.isArray(tree)) return `[${tree.map(inside).join()}]`;
  return `{${[...tree].map(([key, value]) => `${JSON.stringify(key)}:${inside(value)}`).join()}}`;
}

/** Whether two mean the same: 1.0 is 1, and neither the order of keys nor how a character is escaped counts. */
export function equalTrees(a: JsonTree, b: JsonTree): boolean {
  if (typeof a === 'string' || typeof b === 'string')
    return typeof a === 'string' && typeof b === 'string' && meaning(a) === meaning(b);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalTrees(item, b[i] as JsonTree));
  }
  if (a.size !== b.size) return false;
  return [...a].every(([key, value]) => {
    const other = b.get(key);
    return other !== undefined && equalTrees(value, other);
  });
}

/** One text for all ways to write the same string, number or word. */
function meaning(scalar: string): string {
  if (scalar.startsWith('"')) return JSON.stringify(JSON.parse(scalar));
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(scalar) ?? [];
  if (whole === '') return scalar;
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const scale = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${scale}`;
}
