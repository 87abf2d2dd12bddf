import type { Effect, StateKeys } from '#libs/projections';
import { documentEffects, nameTexts, type PlayerDocument, PROFILES } from '#libs/search';
import { namesKey } from './keys.js';
import { displayName, type ProfileState, type VersionRange, withMissing } from './profile.fold.js';

/** The stored format is `<version>[~<first>-<last>,...] <JSON>`. The ranges are versions that were skipped. */
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

/** Names have a hash of their own, because a page of a leaderboard needs up to a thousand. */
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
