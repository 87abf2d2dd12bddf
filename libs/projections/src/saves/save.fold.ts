import type { RecordedEvent } from '#libs/events';

/** What is known of a save besides its document. */
export interface SaveState {
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
  /** Length of the document in UTF-8. */
  readonly bytes: number;
}

/** Versions take effect one after the other, whoever was given which. */
export function isNextVersion(save: SaveState | undefined, event: RecordedEvent<'SaveWritten'>): boolean {
  return versionOf(event) <= (save?.version ?? 0) + 1;
}

/** A version that has taken effect already changes nothing. */
export function evolveSave(save: SaveState | undefined, event: RecordedEvent<'SaveWritten'>): SaveState {
  const version = versionOf(event);
  if (save && version <= save.version) return save;
  return { version, updatedAt: event.id.ms, bytes: Buffer.byteLength(event.data.document) };
}

function versionOf({ version }: RecordedEvent<'SaveWritten'>): number {
  if (version === undefined) throw new TypeError('a SaveWritten event without a version');
  return version;
}
