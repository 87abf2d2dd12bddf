import type { Effect, StateKeys } from '#libs/projections';
import { documentEffects, nameTexts, type PlayerDocument, PROFILES } from '#libs/search';
import { namesKey } from './keys.js';
import { displayName, type ProfileState, type VersionRange, withMissing } from './profile.fold.js';

/** A profile is kept as `<version>[~<first>-<last>,...] <JSON>`, where versions from first to last are missing. */
export function formatProfile({ version, missing = [], json }: ProfileState): string {
  const ranges = missing.map(([first, last]) => `${first}-${last}`);
  return `${version}${ranges.length > 0 ? `~${ranges.join()}` : ''} ${json}`;
}

export function parseProfile(text: string): ProfileState {
  const end = text.indexOf(' ');
  const [version, missing] = text.slice(0, end).split('~');
  return {
    version: Number(version),
    ...withMissing(missing?.split(',').map(parseRange) ?? []),
    json: text.slice(end + 1),
  };
}

function parseRange(text: string): VersionRange {
  const [first = 0, last = 0] = text.split('-').map(Number);
  return [first, last];
}

/** The name stands in a hash of its own: pages of leaderboards ask for a thousand of them at once. */
export function profileEffects(
  before: ProfileState | undefined,
  after: ProfileState | undefined,
  player: string,
  keys: StateKeys,
): Effect[] {
  const [known, name] = [before && displayName(before), after && displayName(after)];
  const target = { type: 'hash', key: namesKey(keys) } as const;
  const set: Effect[] =
    name === undefined
      ? [{ ...target, command: 'HDEL', args: [player] }]
      : [{ ...target, command: 'HSET', args: [player, name] }];
  const place = { keys, collection: PROFILES, player };
  const written = documentEffects(
    place,
    before && documentOf(before, known),
    after && documentOf(after, name),
  );
  return [...(name === known ? [] : set), ...written];
}

const documentOf = ({ json }: ProfileState, name: string | undefined): PlayerDocument => ({
  texts: nameTexts(name),
  json,
});
