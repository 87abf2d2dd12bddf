import { setImmediate as nextTurn } from 'node:timers/promises';
import { Problem } from '../http/problem.js';
import { JSON_PATCH, MAX_DEPTH, MERGE_PATCH, parseText, tooDeep } from '../http/server/json-body.js';
import { checkDepth, checkDocument, treeOf } from './document.js';
import { applyJsonPatch, JsonPatchError } from './json-patch.js';
import { formatTree, type JsonTree, TooDeepError } from './json-tree.js';
import { WorkBudgetError } from './work-budget.js';

/** A JSON patch has two levels around its values: the list and the operation. */
const WRAPPER_LEVELS = 2;

export type PatchType = typeof MERGE_PATCH | typeof JSON_PATCH;

/**
 * Checks that a body can be a patch.
 *
 * @throws Problem 400 when it is not JSON, 422 when it is too deep
 */
export function checkPatch(body: unknown, type: PatchType): string {
  const { text } = parseText(body, 'the patch', `send the patch as ${type}`);
  checkDepth(text, type === JSON_PATCH ? MAX_DEPTH + WRAPPER_LEVELS : MAX_DEPTH, 'the patch');
  return text;
}

/**
 * Applies a patch to a document, in several short turns of the event loop. Untouched parts stay as they were written, except for
 * white space.
 *
 * @param patch one that `checkPatch` accepted
 * @throws Problem 413, 422 when it cannot be applied, or the result is not a valid save
 */
export async function applyPatch(document: string, patch: string, type: PatchType): Promise<string> {
  try {
    const tree = treeOf(document, 'the document');
    await nextTurn();
    const changes = treeOf(patch, 'the patch');
    const changed = type === JSON_PATCH ? applyJsonPatch(tree, changes) : merge(tree, changes);
    await nextTurn();
    const text = formatTree(changed, MAX_DEPTH);
    await nextTurn();
    return checkDocument(text);
  } catch (error) {
    if (error instanceof TooDeepError) throw tooDeep('the document', MAX_DEPTH);
    if (error instanceof WorkBudgetError)
      throw new Problem(422, {
        code: 'patch-too-costly',
        detail: `on this document the patch takes ${error.message}: send it in parts, or replace the save`,
      });
    if (!(error instanceof JsonPatchError)) throw error;
    const { message, index } = error;
    throw new Problem(422, {
      code: 'patch-failed',
      detail: message,
      ...(index !== undefined && { errors: [{ path: `[${index}]`, message }] }),
    });
  }
}

/** A merge patch (RFC 7396) on lossless JSON. */
function merge(target: JsonTree | undefined, patch: JsonTree): JsonTree {
  if (!(patch instanceof Map)) return patch;
  const merged = new Map(target instanceof Map ? target : undefined);
  for (const [field, change] of patch) {
    if (change === 'null') merged.delete(field);
    else merged.set(field, merge(merged.get(field), change));
  }
  return merged;
}
