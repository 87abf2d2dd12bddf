import type { PartitionKeys } from '#libs/event-log';
import type { StateKeys } from '#libs/projections';

/** hash: board -> empty; the boards on which the player has submitted scores with a session */
export const scoredBoardsKey = (keys: PartitionKeys, player: string) => keys.key('boards', player);

/** hash: player -> the hashed secrets with which the player returns, oldest first, separated by spaces; with one salt */
export const credentialsKey = (keys: PartitionKeys) => keys.key('credentials');

/** list: token hashes of the player's sessions, oldest first; some may have ended */
export const playerSessionsKey = (keys: PartitionKeys, player: string) => keys.key('sessions', player);

/** string: recent failed logins as the player */
export const failedPlayerLoginsKey = (keys: PartitionKeys, player: string) =>
  keys.key('failed-logins', player);

/** hash: player -> version, profile as JSON */
export const profilesKey = (state: StateKeys) => state.key('profiles');

/** hash: player -> name, for players whose profile has one */
export const namesKey = (state: StateKeys) => state.key('names');
