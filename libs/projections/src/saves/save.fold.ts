import type { RecordedEvent } from '#libs/events';
import { versionOf } from './versions.js';

/** What is known of a save besides its document. */
export interface SaveState {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** Length of the document in UTF-8. */
  readonly bytes: number;
}

/** A version that has taken effect already changes nothing. */
export function evolveSave(save: SaveState | undefined, event: RecordedEvent<'SaveWritten'>): SaveState {
  const version = versionOf(event);
  if (save && version <= save.version) return save;
  return { version, updatedAt: event.id.ms, bytes: Buffer.byteLength(event.data.document) };
}
