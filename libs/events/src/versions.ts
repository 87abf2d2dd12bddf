import type { RecordedEvent } from './event.js';

type VersionedEvent = RecordedEvent<'SaveWritten' | 'SaveDeleted' | 'ProfilePatched'>;

/** False when an earlier version has not been applied yet: the event must wait for it. */
export function isInVersionOrder(
  state: { readonly version: number } | undefined,
  event: VersionedEvent,
): boolean {
  return versionOf(event) <= (state?.version ?? 0) + 1;
}

export function versionOf({ type, version }: VersionedEvent): number {
  if (version === undefined) throw new TypeError(`a ${type} event must have a version`);
  return version;
}
