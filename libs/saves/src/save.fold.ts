import { type JsonObject, type RecordedEvent, timeOf, versionOf } from '#libs/events';
import { documentName, isFoundByName } from './searchable-slots.js';

export type SaveEvent = RecordedEvent<'SaveWritten' | 'SaveDeleted'>;

/** What is known of a save besides its document. */
export interface SaveState {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** Length of the document in UTF-8; nothing when the version is a deletion: versions go on counting behind it. */
  readonly bytes: number | undefined;
  /** What the game says about the version. */
  readonly meta?: JsonObject;
  /** What the document is found by, in a slot that is searched by name. */
  readonly name?: string;
}

/** A version that has taken effect already changes nothing. */
export function evolveSave(save: SaveState | undefined, event: SaveEvent): SaveState {
  const version = versionOf(event);
  if (save && version <= save.version) return save;
  const meta = event.type === 'SaveWritten' ? event.data.meta : undefined;
  const about = { version, updatedAt: timeOf(event), bytes: bytesOf(event), ...(meta && { meta }) };
  return { ...about, ...nameOf(event) };
}

/** A verifying fold keeps no documents, but the states that were made of them. */
function nameOf({ type, data }: SaveEvent): Pick<SaveState, 'name'> {
  if (type !== 'SaveWritten' || !isFoundByName(data.slot)) return {};
  const name = documentName(data.document);
  return name === undefined ? {} : { name };
}

/** Nothing for a deletion. */
export function bytesOf(event: SaveEvent): number | undefined {
  return event.type === 'SaveWritten' ? Buffer.byteLength(event.data.document) : undefined;
}
