import { afterValue, nextName, stringMeant } from '../http/server/json-text.js';
import { DuplicateKeyError } from '../saves/json-tree.js';

/**
 * The text of each field of an object. Parsing and printing would change numbers beyond 2^53, -0, and the order of keys that look
 * like numbers.
 *
 * @param json a valid JSON object
 * @throws DuplicateKeyError
 */
export function fieldTexts(json: string): Map<string, string> {
  const fields = new Map<string, string>();
  let end = json.indexOf('{') + 1;
  for (let name = nextName(json, end); name; name = nextName(json, end)) {
    const key = stringMeant(name.written);
    if (fields.has(key)) throw new DuplicateKeyError(key);
    end = afterValue(json, name.value);
    fields.set(key, json.slice(name.value, end));
  }
  return fields;
}
