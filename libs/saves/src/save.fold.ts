import { type JsonObject, type RecordedEvent, timeOf, versionOf } from '#libs/events';
import { documentName, isFoundByName } from './searchable-slots.js';

export type SaveEvent = RecordedEvent<'SaveWritten' | 'SaveDeleted'>;

/** A save without its document. */
export interface SaveState {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** UTF-8 bytes of the document; undefined for a deletion, after which versions continue to count. */
  readonly bytes: number | undefined;
  /** Metadata that the game sent with this version (`Save-Meta`). */
  readonly meta?: JsonObject;
  /** The document's name, in a searchable slot. */
  readonly name?: string;
}

/** A version that was applied before changes nothing. */
export function evolveSave(save: SaveState | undefined, event: SaveEvent): SaveState {
  const version = versionOf(event);
  if (save && version <= save.version) return save;
  const meta = event.type === 'SaveWritten' ? event.data.meta : undefined;
  const about = { version, updatedAt: timeOf(event), bytes: bytesOf(event), ...(meta && { meta }) };
  return { ...about, ...nameOf(event) };
}

/** Verify folds only states, without their documents. */
function nameOf({ type, data }: SaveEvent): Pick<SaveState, 'name'> {
  if (type !== 'SaveWritten' || !isFoundByName(data.slot)) return {};
  const name = documentName(data.document);
  return name === undefined ? {} : { name };
}

/** Undefined for a deletion. */
export function bytesOf(event: SaveEvent): number | undefined {
  return event.type === 'SaveWritten' ? Buffer.byteLength(event.data.document) : undefined;
}
