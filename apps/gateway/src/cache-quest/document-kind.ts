import { CACHE_QUEST_GAME, CACHE_QUEST_PLAYER, type SearchableSlot } from '#libs/saves';
import { badRequest, Problem, SHOWN_ERRORS } from '../http/problem.js';
import { parseText } from '../http/server/json-body.js';
import { withValue } from '../http/validation/field-rules.js';
import { checkControls } from '../http/validation/name-rules.js';
import { invalid, unknownField } from '../http/validation/validation.js';
import { checkDocument } from '../saves/document.js';
import { DuplicateKeyError } from '../saves/json-tree.js';
import { fieldTexts } from './document-text.js';

/** One of the two documents that the game stores for each player. */
export interface DocumentKind {
  readonly path: string;
  /** The field of the body that contains it. */
  readonly field: string;
  /** The slot of the save. It is reserved for the game, because everybody can read it. */
  readonly slot: SearchableSlot;
  /** The prefix of ids in lists. */
  readonly prefix: string;
  /** The name in messages. */
  readonly noun: string;
}

export const PLAYER_STATE: DocumentKind = {
  path: 'api/playerstate',
  field: 'playerData',
  slot: CACHE_QUEST_PLAYER,
  prefix: 'players:',
  noun: 'Player',
};

export const GAME_STATE: DocumentKind = {
  path: 'api/gamestate',
  field: 'gameData',
  slot: CACHE_QUEST_GAME,
  prefix: 'games:',
  noun: 'Game',
};

/** A document as it was sent, with the id in it. */
export interface SentDocument {
  readonly id: string;
  readonly text: string;
}

/**
 * Extracts the document from a body.
 *
 * @throws Problem 400 when the body is not JSON or has other fields, or the document has no id; 413, 422 as for saves
 */
export function sentDocument(body: unknown, { field, slot }: DocumentKind): SentDocument {
  const expected = `send {"${field}": {...}} as application/json`;
  const { text: sent, value: wrapped } = parseText(body, 'the body', expected);
  if (!isObject(wrapped)) throw badRequest(withValue(`the body must be an object: ${expected}`, wrapped));
  refuseOtherFields(wrapped, field);
  const value = wrapped[field];
  if (value === undefined) {
    const message = withValue(`${field} must be the document, an object with an id`, value);
    throw invalid([{ path: field, message }]);
  }
  const text = checkDocument(fieldText(sent, field));
  const { id, name } = value as { id?: unknown; name?: unknown };
  if (typeof id !== 'string') {
    const message = withValue(`${field}.id must be the id that GET /session answered`, id);
    throw invalid([{ path: `${field}.id`, message }]);
  }
  // Only the player's document has a name that others see.
  if (slot === CACHE_QUEST_PLAYER && typeof name === 'string') checkControls(`${field}.name`, name);
  return { id, text };
}

/** Longer bodies are not parsed before the rate limit. This length takes a fraction of a millisecond. */
const MAX_OWNER_CHARACTERS = 16 * 1024;

/** The id in the document of a body; nothing when the body is long or has none. */
export function ownerIn(body: unknown, { field }: DocumentKind): string | undefined {
  if (typeof body !== 'string' || body.length > MAX_OWNER_CHARACTERS) return undefined;
  try {
    const id: unknown = JSON.parse(body)?.[field]?.id;
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Problem 400 that names the first of them */
function refuseOtherFields(wrapped: Readonly<Record<string, unknown>>, field: string): void {
  const unknown = Object.keys(wrapped).filter(name => name !== field);
  if (unknown.length === 0) return;
  const shown = unknown.slice(0, SHOWN_ERRORS).map(name => unknownField(name, wrapped[name], [field]));
  throw invalid(shown, unknown.length - shown.length);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws Problem 422 */
function fieldText(body: string, field: string): string | undefined {
  try {
    return fieldTexts(body).get(field);
  } catch (error) {
    if (!(error instanceof DuplicateKeyError)) throw error;
    throw new Problem(422, { code: 'duplicate-key', detail: `in the body, ${error.message}: send it once` });
  }
}
