import { jsonObject, text } from './checks.js';
import type { EventDefinition } from './definition.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [field: string]: JsonValue;
}

/** A player's public profile was changed. Which version of it this made stands in the envelope. */
export interface ProfilePatched {
  readonly player: string;
  /** A JSON merge patch (RFC 7396): `null` removes a field. */
  readonly patch: JsonObject;
}

/** Beside the slots of the player's saves, whose names cannot hold a slash. */
export const PROFILE = '/profile';

export const profilePatched: EventDefinition<ProfilePatched> = {
  code: 'f1',
  stream: 'players',
  subject: data => data.player,
  versioned: () => PROFILE,
  pack: ({ player, patch }) => [player, patch],
  unpack: ([player, patch]) => ({ player: text(player, 'player'), patch: jsonObject(patch, 'patch') }),
};
