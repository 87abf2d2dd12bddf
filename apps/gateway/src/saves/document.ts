import { Problem } from '../http/problem.js';
import { BODY_LIMIT_BYTES, MAX_DEPTH, parseText, tooDeep } from '../http/server/json-body.js';
import { depthOf } from '../http/server/json-text.js';
import { DuplicateKeyError, type JsonTree, parseTree } from './json-tree.js';

/**
 * Checks that a text can be a save: a JSON object, not too deep. The text itself is stored, so numbers beyond 2^53, -0, and the
 * order and repetition of keys stay.
 *
 * @throws Problem 400 when it is not JSON, 413 when it is too large, 422 when it is not an object or too deep
 */
export function checkDocument(body: unknown): string {
  // Before parsing: the result of a patch can be three times as long as a body.
  if (typeof body === 'string' && Buffer.byteLength(body) > BODY_LIMIT_BYTES) {
    throw new Problem(413, {
      code: 'too-large',
      detail: `the document would be larger than ${BODY_LIMIT_BYTES} bytes`,
    });
  }
  const { text, value } = parseText(body, 'the document', 'send the document as application/json');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem(422, { code: 'not-an-object', detail: 'a save is a JSON object: { ... }' });
  }
  checkDepth(text, MAX_DEPTH, 'the document');
  return text;
}

/**
 * @param json valid JSON
 * @throws Problem 422
 */
export function checkDepth(json: string, levels: number, what: string): void {
  if (depthOf(json) > levels) throw tooDeep(what, levels);
}

/**
 * Parses a checked text.
 *
 * @throws Problem 422 when it has a key twice
 */
export function treeOf(json: string, what: string): JsonTree {
  try {
    return parseTree(json);
  } catch (error) {
    if (!(error instanceof DuplicateKeyError)) throw error;
    throw new Problem(422, {
      code: 'duplicate-key',
      detail: `in ${what}, ${error.message}: which of the two counts is not defined`,
    });
  }
}
