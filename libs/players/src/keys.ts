import type { PartitionKeys } from '#libs/event-log';
import type { StateKeys } from '#libs/projections';

/** hash: board -> nothing; boards that the player has scored on, counted once the player has done so with a session */
export const scoredBoardsKey = (keys: PartitionKeys, player: string) => keys.key('boards', player);

/** hash: player -> the hashed secrets with which the player returns, oldest first, separated by spaces; with one salt */
export const credentialsKey = (keys: PartitionKeys) => keys.key('credentials');

/** list: the player's sessions, by the hashes of their tokens, oldest first; some may have ended */
export const playerSessionsKey = (keys: PartitionKeys, player: string) => keys.key('sessions', player);

/** string: how many logins as the player have failed lately */
export const failedPlayerLoginsKey = (keys: PartitionKeys, player: string) =>
  keys.key('failed-logins', player);

/** hash: player -> version, profile as JSON */
export const profilesKey = (state: StateKeys) => state.key('profiles');

/** hash: player -> name, of the players whose profile has one */
export const namesKey = (state: StateKeys) => state.key('names');
