import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '#libs/events';
import { badField, badValue } from '../http/problem.js';
import { MAX_DEPTH, tooDeep } from '../http/server/json-body.js';
import { depthOf } from '../http/server/json-text.js';
import { inexact, inexactNumber } from '../http/validation/exact-numbers.js';

const MAX_BYTES = 1024;

const RULE = 'Save-Meta must be a JSON object in ASCII; write other characters as \\u escapes';

/**
 * What the game says about a save, from `Save-Meta`; nothing without the header.
 *
 * @throws Problem 400, 422 for numbers that are not exact and for nesting
 */
export function saveMeta(headers: IncomingHttpHeaders): JsonObject | undefined {
  const text = headers['save-meta'];
  if (text === undefined || text === '') return undefined;
  if (typeof text !== 'string' || !/^[\t\x20-\x7e]*$/.test(text)) throw badValue('Save-Meta', RULE, text);
  if (text.length > MAX_BYTES)
    throw badField('Save-Meta', `Save-Meta must have at most ${MAX_BYTES} bytes; it has ${text.length}`);
  const meta = parse(text);
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta))
    throw badValue('Save-Meta', RULE, text);
  if (depthOf(text) > MAX_DEPTH) throw tooDeep('Save-Meta', MAX_DEPTH);
  const wrong = inexactNumber(meta, '');
  if (wrong) throw inexact({ ...wrong, path: `Save-Meta: ${wrong.path}` }, true);
  return meta as JsonObject;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
