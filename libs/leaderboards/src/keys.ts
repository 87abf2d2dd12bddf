import type { StateKeys } from '#libs/projections';

/** Neither id can hold a slash. */
const inPeriod = (board: string, period?: string) => (period === undefined ? board : `${board}/${period}`);

/** sorted set: members, which begin as the tie-break says, by score */
export const ranksKey = (state: StateKeys, board: string, period?: string) =>
  state.key('ranks', inPeriod(board, period));

/** sorted set: the distinct scores of a board, by themselves; kept where a rank is a number of scores */
export const levelsKey = (state: StateKeys, board: string, period?: string) =>
  state.key('levels', inPeriod(board, period));

/** By board: every event needs this key, and a text that was hashed before is found faster. */
const runsKeys = new WeakMap<StateKeys, Map<string, string>>();

/** hash: player -> the run that counts */
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
