import { DuplicateKeyError } from '../saves/json-tree.js';

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g;

/**
 * The fields of an object, each as it is written: to print a value that was parsed would change numbers beyond 2^53,
 * -0, and the order of keys that look like numbers.
 *
 * @param json text that is known to be a JSON object
 * @throws DuplicateKeyError
 */
export function fieldTexts(json: string): Map<string, string> {
  const fields = new Map<string, string>();
  let [depth, begin, last, name] = [0, 0, '', ''];
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    if (depth === 1 && token === ':') [name, begin] = [JSON.parse(last) as string, index + 1];
    const isEnd = depth === 1 && (token === ',' || token === '}');
    if (isEnd && begin > 0) {
      if (fields.has(name)) throw new DuplicateKeyError(name);
      fields.set(name, json.slice(begin, index).trim());
    }
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    last = token;
  }
  return fields;
}
