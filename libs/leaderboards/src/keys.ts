import type { StateKeys } from '#libs/projections';

/** Neither id can contain a slash. */
const inPeriod = (board: string, period?: string) => (period === undefined ? board : `${board}/${period}`);

/** sorted set: prefix of the tie-break and player, by rank score */
export const ranksKey = (state: StateKeys, board: string, period?: string) =>
  state.key('ranks', inPeriod(board, period));

/** sorted set: the distinct scores of a board with dense ranks; member and score are the same */
export const levelsKey = (state: StateKeys, board: string, period?: string) =>
  state.key('levels', inPeriod(board, period));

/** Cached by board, since every event needs this key, and looking up the same string object again is faster. */
const runsKeys = new WeakMap<StateKeys, Map<string, string>>();

/** hash: player -> run that counts */
export function runsKey(state: StateKeys, board: string, period?: string): string {
  let known = runsKeys.get(state);
  if (!known) {
    known = new Map();
    runsKeys.set(state, known);
  }
  const name = inPeriod(board, period);
  let key = known.get(name);
  if (key === undefined) {
    key = state.key('runs', name);
    known.set(name, key);
  }
  return key;
}

/** hash: board -> the player's scores there */
export const scoresKey = (state: StateKeys, player: string) => state.key('scores', player);
