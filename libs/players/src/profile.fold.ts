import { type JsonObject, type JsonValue, mergePatch, type RecordedEvent, versionOf } from '#libs/events';

/** The first and the last of versions in a row. */
export type VersionRange = readonly [first: number, last: number];

/** A player's profile, as all patches up to a version made it. */
export interface ProfileState {
  readonly version: number;
  /** Versions that a later one has overtaken, because they were dead letters; nothing when there are none. */
  readonly missing?: readonly VersionRange[];
  /** The profile as text, which is what is kept: a value could be one that JSON does not give back. */
  readonly json: string;
}

/** A patch came back from the dead letters when later ones had been merged: it cannot be merged before them. */
export class PatchTooLateError extends Error {
  readonly code = 'PATCH_TOO_LATE';
  override readonly name = 'PatchTooLateError';

  constructor(version: number, current: number) {
    super(`version ${version} of the profile comes after version ${current}: drop it, and patch anew`);
  }
}

/**
 * A version that has been merged already changes nothing.
 *
 * @throws PatchTooLateError so that the event stays one without effect, for a rebuild too, which sees it in its place
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

/** The name that others see, if the profile has one that can be kept as text. */
export function displayName(profile: ProfileState): string | undefined {
  const name: JsonValue | undefined = fieldsOf(profile).name;
  return typeof name === 'string' && name !== '' && name.isWellFormed() ? name : undefined;
}

export function withMissing(missing: readonly VersionRange[]): Pick<ProfileState, 'missing'> {
  return missing.length > 0 ? { missing } : {};
}
