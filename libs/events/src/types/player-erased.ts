import { asJsonObject, asString } from '../checks.js';
import { MalformedEventError } from '../errors.js';
import type { EventDefinition } from '../event-definition.js';

/**
 * A player's profile and saves were erased. The scores are erased by a `ScoresErased` event in each partition of `scores`.
 *
 * It is the last event of the player: the log accepts no more until all events of the player, this one included, have been
 * deleted. A projection that folds it removes everything it holds about the player.
 */
export interface PlayerErased {
  readonly player: string;
  /** The head version of each slot and of the profile. Written by the append script. */
  readonly heads?: Readonly<Record<string, number>>;
}

export const playerErased: EventDefinition<PlayerErased> = {
  code: 'e1',
  stream: 'players',
  subject: data => data.player,
  isErasure: true,
  pack: ({ player }) => [player],
  unpack: ([player], heads) => ({ player: asString(player, 'player'), heads: asVersions(heads) }),
};

/** A player's scores in one partition were erased. The partition accepts no more scores of the player until the erasure is done. */
export interface ScoresErased {
  readonly player: string;
}

export const scoresErased: EventDefinition<ScoresErased> = {
  code: 'z1',
  stream: 'scores',
  subject: data => data.player,
  inEveryPartition: true,
  pack: ({ player }) => [player],
  unpack: ([player]) => ({ player: asString(player, 'player') }),
};

function asVersions(document = ''): Record<string, number> {
  const heads = Object.entries(asJsonObject(parseJson(document), 'heads'));
  if (heads.every((head): head is [string, number] => Number.isSafeInteger(head[1])))
    return Object.fromEntries(heads);
  throw new MalformedEventError('heads has a value that is not a version, expected whole numbers');
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
