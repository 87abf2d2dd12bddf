import type { RecordedEvent } from './event.js';

type VersionedEvent = RecordedEvent<'SaveWritten' | 'SaveDeleted' | 'ProfilePatched'>;

/** Versions take effect one after the other, whoever was given which. */
export function isNextVersion(
  state: { readonly version: number } | undefined,
  event: VersionedEvent,
): boolean {
  return versionOf(event) <= (state?.version ?? 0) + 1;
}

export function versionOf({ type, version }: VersionedEvent): number {
  if (version === undefined) throw new TypeError(`a ${type} event without a version`);
  return version;
}
