import { setImmediate as nextTurn } from 'node:timers/promises';
import { badValue, Problem } from '../http/problem.js';
import { MAX_DEPTH } from '../http/server/json-body.js';
import { treeOf } from './document.js';
import { type JsonPath, JsonPathError, parseJsonPath } from './json-path.js';
import { formatTree, type JsonTree } from './json-tree.js';
import { WorkBudgetError } from './work-budget.js';

/** Characters of the result, at most: a path can select the same value many times. */
const MAX_LENGTH = 1024 * 1024;

/**
 * Returns the values that a JSONPath selects as a JSON list, each as it was written. It takes several short turns of the event
 * loop.
 *
 * @throws Problem 422 when it takes too much work, or an object has a key twice
 */
export async function selectPath(document: string, path: JsonPath): Promise<string> {
  try {
    const tree = treeOf(document, 'the document');
    await nextTurn();
    const values = path(tree);
    await nextTurn();
    return list(values);
  } catch (error) {
    if (error instanceof WorkBudgetError)
      throw new Problem(422, {
        code: 'path-too-costly',
        detail: `on this document the path takes ${error.message}: make it more exact, or read the whole save`,
      });
    throw error;
  }
}

function list(values: readonly JsonTree[]): string {
  const texts: string[] = [];
  let length = 0;
  for (const value of values) {
    const text = formatTree(value, MAX_DEPTH);
    length += text.length + 1;
    if (length > MAX_LENGTH)
      throw new Problem(422, {
        code: 'path-too-costly',
        detail: `the path selects more than ${MAX_LENGTH} characters: make it more exact`,
      });
    texts.push(text);
  }
  return `[${texts.join()}]`;
}

/** @throws Problem 400 */
export function pathOf(text: string): JsonPath {
  try {
    return parseJsonPath(text);
  } catch (error) {
    if (error instanceof JsonPathError)
      throw badValue('path', `path must be a JSONPath, such as $.stats.health: ${error.message}`, text);
    throw error;
  }
}
