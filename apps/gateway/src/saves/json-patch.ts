import { shortened, shownValue } from '../http/problem.js';
import { MAX_DEPTH } from '../http/server/json-body.js';
import { equalTrees, formatTree, type JsonTree } from './json-tree.js';
import { newBudget } from './work-budget.js';

/** Operations in a patch, at most. Each of them can shift a whole list. */
export const MAX_OPERATIONS = 1_000;
/** List items that are shifted in one step of work. */
const STEP_ITEMS = 64;
/** Characters that all copies of a patch can add, at most: copies of copies double each time. */
const MAX_COPIED = 256 * 1024;

/** The patch cannot be applied. The document stays unchanged. */
export class JsonPatchError extends Error {
  readonly code = 'JSON_PATCH';
  override readonly name = 'JsonPatchError';

  /** @param index of the failed operation; nothing when the patch as a whole is invalid */
  constructor(
    reason: string,
    readonly index?: number,
  ) {
    super(reason);
  }
}

type Operation = ReadonlyMap<string, JsonTree>;

/**
 * Applies a JSON patch (RFC 6902): all operations or none.
 *
 * @param document is modified; do not use it afterwards
 * @param patch its values become part of the result; do not use it afterwards
 * @throws JsonPatchError
 * @throws TooDeepError when a copied value is too deep
 * @throws WorkBudgetError
 */
export function applyJsonPatch(document: JsonTree, patch: JsonTree): JsonTree {
  if (!Array.isArray(patch))
    throw new JsonPatchError(`a JSON patch is a list of operations, [ ... ]; it is ${shownTree(patch)}`);
  if (patch.length > MAX_OPERATIONS)
    throw new JsonPatchError(`a patch has at most ${MAX_OPERATIONS} operations`);
  const patching = new Patching(document);
  for (const [index, operation] of patch.entries()) {
    try {
      patching.apply(operation);
    } catch (error) {
      if (!(error instanceof JsonPatchError)) throw error;
      const what = operation instanceof Map ? `${textOf(operation, 'op')} ${textOf(operation, 'path')}` : '';
      throw new JsonPatchError(`operation ${index} (${what.trim()}): ${error.message}`, index);
    }
  }
  return patching.document;
}

/** A document that is being patched in place. No subtree is shared, so a change has one effect only. */
class Patching {
  private copied = 0;
  private readonly spend = newBudget();

  constructor(public document: JsonTree) {}

  apply(operation: JsonTree): void {
    if (!(operation instanceof Map))
      throw new JsonPatchError(
        `it is no object such as {"op": ..., "path": ...}; it is ${shownTree(operation)}`,
      );
    const op = stringIn(operation, 'op');
    const path = pointerIn(operation, 'path');
    if (op === 'add') this.add(path, valueIn(operation));
    else if (op === 'remove') this.remove(path);
    else if (op === 'replace') this.replace(path, valueIn(operation));
    else if (op === 'move') this.move(pointerIn(operation, 'from'), path);
    else if (op === 'copy') this.add(path, this.copy(this.get(pointerIn(operation, 'from'))));
    else if (op !== 'test')
      throw new JsonPatchError(
        `"op" must be add, remove, replace, move, copy or test; it is ${shownValue(op)}`,
      );
    else if (!equalTrees(this.get(path), valueIn(operation), this.spend))
      throw new JsonPatchError('the value there is another');
  }

  private get(path: readonly string[]): JsonTree {
    this.spend(1 + path.length);
    let tree = this.document;
    for (const [depth, key] of path.entries()) tree = child(tree, key, path.slice(0, depth + 1));
    return tree;
  }

  private add(path: readonly string[], value: JsonTree): void {
    const key = path.at(-1);
    if (key === undefined) {
      this.document = value;
      return;
    }
    const parent = this.get(path.slice(0, -1));
    if (parent instanceof Map) parent.set(key, value);
    else if (Array.isArray(parent))
      this.splice(parent, key === '-' ? parent.length : indexIn(key, parent.length), 0, value);
    else throw new JsonPatchError(`what is at "${formatPointer(path.slice(0, -1))}" has no fields`);
  }

  private remove(path: readonly string[]): JsonTree {
    const key = path.at(-1);
    if (key === undefined) throw new JsonPatchError('the whole document cannot be removed: delete the save');
    const value = this.get(path);
    const parent = this.get(path.slice(0, -1));
    if (parent instanceof Map) parent.delete(key);
    else if (Array.isArray(parent)) this.splice(parent, Number(key), 1);
    return value;
  }

  private replace(path: readonly string[], value: JsonTree): void {
    const key = path.at(-1);
    this.get(path);
    const parent = key === undefined ? undefined : this.get(path.slice(0, -1));
    if (key === undefined) this.document = value;
    else if (parent instanceof Map) parent.set(key, value);
    else if (Array.isArray(parent)) parent[Number(key)] = value;
  }

  private move(from: readonly string[], path: readonly string[]): void {
    const value = this.get(from);
    const isSame = from.length === path.length && from.every((key, i) => key === path[i]);
    if (isSame) return;
    if (from.length < path.length && from.every((key, i) => key === path[i]))
      throw new JsonPatchError('it cannot be moved into itself');
    this.remove(from);
    this.add(path, value);
  }

  /** Costs steps for every item after `at`, since all of them are shifted. */
  private splice(list: JsonTree[], at: number, removed: number, ...added: JsonTree[]): void {
    this.spend((list.length - at) / STEP_ITEMS);
    list.splice(at, removed, ...added);
  }

  private copy(tree: JsonTree): JsonTree {
    this.copied += formatTree(tree, MAX_DEPTH).length;
    if (this.copied > MAX_COPIED)
      throw new JsonPatchError(`the copies make more than ${MAX_COPIED} characters`);
    return clone(tree);
  }
}

function clone(tree: JsonTree): JsonTree {
  if (typeof tree === 'string') return tree;
  if (Array.isArray(tree)) return tree.map(clone);
  return new Map([...tree].map(([key, value]) => [key, clone(value)]));
}

function child(tree: JsonTree, key: string, path: readonly string[]): JsonTree {
  const missing = () => new JsonPatchError(`there is nothing at "${formatPointer(path)}"`);
  if (tree instanceof Map) {
    const value = tree.get(key);
    if (value === undefined) throw missing();
    return value;
  }
  if (!Array.isArray(tree) || key === '-') throw missing();
  const value = tree[indexIn(key, tree.length)];
  if (value === undefined) throw missing();
  return value;
}

function indexIn(key: string, length: number): number {
  if (!/^(?:0|[1-9]\d{0,8})$/.test(key))
    throw new JsonPatchError(`${shownValue(key)} is no index of a list: a number from 0 is`);
  const index = Number(key);
  if (index > length) throw new JsonPatchError(`the list has only ${length} items`);
  return index;
}

function valueIn(operation: Operation): JsonTree {
  const value = operation.get('value');
  if (value === undefined) throw new JsonPatchError('"value" is missing: any JSON can be there');
  return value;
}

function stringIn(operation: Operation, field: string): string {
  const value = operation.get(field);
  if (typeof value !== 'string' || !value.startsWith('"'))
    throw new JsonPatchError(`"${field}" must be a string; it is ${shownTree(value)}`);
  return JSON.parse(value) as string;
}

/** The keys of a JSON pointer (RFC 6901). */
function pointerIn(operation: Operation, field: string): string[] {
  const pointer = stringIn(operation, field);
  if (pointer === '') return [];
  if (!pointer.startsWith('/') || /~(?![01])/.test(pointer))
    throw new JsonPatchError(
      `"${field}" is no JSON pointer, such as /stats/health; it is ${shownValue(pointer)}`,
    );
  return pointer
    .slice(1)
    .split('/')
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A value of a patch for a message: scalars as written, and only the kind of objects and lists. */
function shownTree(tree: JsonTree | undefined): string {
  if (tree === undefined) return 'missing';
  if (typeof tree === 'string') return shortened(tree, MAX_SHOWN_CHARACTERS);
  return Array.isArray(tree) ? `a list of ${tree.length}` : `an object of ${tree.size} fields`;
}

const MAX_SHOWN_CHARACTERS = 60;

const formatPointer = (path: readonly string[]) =>
  path.map(key => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

const textOf = (operation: Operation, field: string) => {
  const value = operation.get(field);
  return typeof value === 'string' ? value.replace(/^"|"$/g, '').slice(0, 200) : '';
};
