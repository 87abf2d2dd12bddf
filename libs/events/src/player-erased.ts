import { jsonObject, text } from './checks.js';
import type { EventDefinition } from './definition.js';
import { MalformedEventError } from './errors.js';

/**
 * A player was erased: profile and saves here, and scores by a `ScoresErased` in every partition of those.
 *
 * Until all events of the player are deleted from the log, this one among them, the log takes nothing more of the
 * player. So it is the player's last event, and whoever folds it removes whatever there is.
 */
export interface PlayerErased {
  readonly player: string;
  /** The latest version of each part of the player: slots and the profile. The append script knows them. */
  readonly heads?: Readonly<Record<string, number>>;
}

export const playerErased: EventDefinition<PlayerErased> = {
  code: 'e1',
  stream: 'players',
  subject: data => data.player,
  erases: true,
  pack: ({ player }) => [player],
  unpack: ([player], heads) => ({ player: text(player, 'player'), heads: versions(heads) }),
};

/** Of a player of whom a partition of scores is to keep nothing. The partition takes no more of that player, either. */
export interface ScoresErased {
  readonly player: string;
}

export const scoresErased: EventDefinition<ScoresErased> = {
  code: 'z1',
  stream: 'scores',
  subject: data => data.player,
  everywhere: true,
  pack: ({ player }) => [player],
  unpack: ([player]) => ({ player: text(player, 'player') }),
};

function versions(document = ''): Record<string, number> {
  const heads = Object.entries(jsonObject(parse(document), 'heads'));
  if (heads.every((head): head is [string, number] => Number.isSafeInteger(head[1])))
    return Object.fromEntries(heads);
  throw new MalformedEventError('heads has what is no version');
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
