import type { JsonObject } from '#libs/events';
import type { Effect, StateKeys } from '#libs/projections';
import { documentKey } from './keys.js';
import type { SaveEvent, SaveState } from './save.fold.js';
import { saveDocumentEffects } from './save-document.js';

/** A slot's document and its index terms. */
export function slotEffects(
  before: SaveState | undefined,
  after: SaveState,
  event: SaveEvent,
  keys: StateKeys,
): Effect[] {
  return [...textEffects(before, event, keys), ...saveDocumentEffects(event.data, before, after, keys)];
}

/** There is a document to delete only if one was stored. */
function textEffects(before: SaveState | undefined, { type, data }: SaveEvent, keys: StateKeys): Effect[] {
  const target = { type: 'string', key: documentKey(keys, data.player, data.slot) } as const;
  if (type === 'SaveWritten') return [{ ...target, command: 'SET', args: [{ document: data.document }] }];
  return before?.bytes === undefined ? [] : [{ ...target, command: 'UNLINK', args: [] }];
}

/**
 * `<version> <updatedAt> <bytes>`, with `-` for the bytes of a deletion; then `m` and the meta as JSON in a JSON string without
 * spaces, if there is any; then the name as JSON where it is searched by name.
 */
export function formatSave({ version, updatedAt, bytes, meta, name }: SaveState): string {
  const packed = meta && ` m${JSON.stringify(JSON.stringify(meta)).replaceAll(' ', '\\u0020')}`;
  return `${version} ${updatedAt} ${bytes ?? '-'}${packed ?? ''}${name === undefined ? '' : ` ${JSON.stringify(name)}`}`;
}

export function parseSave(text: string): SaveState {
  const [version, updatedAt, bytes, ...rest] = text.split(' ');
  const meta = rest[0]?.startsWith('m') ? rest.shift()?.slice(1) : undefined;
  return {
    version: Number(version),
    updatedAt: Number(updatedAt),
    bytes: bytes === '-' ? undefined : Number(bytes),
    ...(meta !== undefined && { meta: JSON.parse(JSON.parse(meta) as string) as JsonObject }),
    ...(rest.length > 0 && { name: JSON.parse(rest.join(' ')) as string }),
  };
}
