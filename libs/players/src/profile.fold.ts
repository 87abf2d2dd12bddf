import { type JsonObject, type JsonValue, mergePatch, type RecordedEvent, versionOf } from '#libs/events';

/** The first and the last version of a range. */
export type VersionRange = readonly [first: number, last: number];

/** A player's profile after all patches up to a version. */
export interface ProfileState {
  readonly version: number;
  /** Versions that were skipped because they were dead letters; undefined if there are none. */
  readonly missing?: readonly VersionRange[];
  /** The profile as stored text. A parsed number could lose digits. */
  readonly json: string;
}

/** A dead letter was retried after later patches had been merged, so it can no longer be merged before them. */
export class PatchTooLateError extends Error {
  readonly code = 'PATCH_TOO_LATE';
  override readonly name = 'PatchTooLateError';

  constructor(version: number, current: number) {
    super(`version ${version} of the profile was retried after version ${current}: drop it, and patch again`);
  }
}

/**
 * A version that was merged before changes nothing.
 *
 * @throws PatchTooLateError so that the event stays a dead letter. A rebuild, which reads it in its place, also skips it
 */
export function evolveProfile(
  profile: ProfileState | undefined,
  event: RecordedEvent<'ProfilePatched'>,
): ProfileState {
  const version = versionOf(event);
  const current = profile?.version ?? 0;
  const missing = profile?.missing ?? [];
  if (missing.some(([first, last]) => first <= version && version <= last))
    throw new PatchTooLateError(version, current);
  if (profile && version <= current) return profile;
  const overtaken: VersionRange[] = version > current + 1 ? [[current + 1, version - 1]] : [];
  const json = JSON.stringify(mergePatch(profile && fieldsOf(profile), event.data.patch));
  return { version, ...withMissing([...missing, ...overtaken]), json };
}

export function fieldsOf({ json }: ProfileState): JsonObject {
  return JSON.parse(json) as JsonObject;
}

/** The public name, if the profile has one that can be stored as text. */
export function displayName(profile: ProfileState): string | undefined {
  const name: JsonValue | undefined = fieldsOf(profile).name;
  return typeof name === 'string' && name !== '' && name.isWellFormed() ? name : undefined;
}

export function withMissing(missing: readonly VersionRange[]): Pick<ProfileState, 'missing'> {
  return missing.length > 0 ? { missing } : {};
}
