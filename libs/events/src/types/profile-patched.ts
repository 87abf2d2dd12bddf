import { asJsonObject, asString } from '../checks.js';
import type { EventDefinition } from '../event-definition.js';
import type { JsonObject } from '../json.js';

/** A player's public profile was changed. The version is in the event's `version`. */
export interface ProfilePatched {
  readonly player: string;
  /** A JSON merge patch (RFC 7396): `null` removes a field. */
  readonly patch: JsonObject;
}

/** The profile's key among the versions of a player. It cannot collide with a slot, whose name cannot contain a slash. */
export const PROFILE_VERSION_KEY = '/profile';

export const profilePatched: EventDefinition<ProfilePatched> = {
  code: 'f1',
  stream: 'players',
  subject: data => data.player,
  countsVersionOf: () => PROFILE_VERSION_KEY,
  pack: ({ player, patch }) => [player, patch],
  unpack: ([player, patch]) => ({ player: asString(player, 'player'), patch: asJsonObject(patch, 'patch') }),
};
