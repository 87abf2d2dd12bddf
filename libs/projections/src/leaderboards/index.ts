export type * from './leaderboard.fold.js';
export * from './leaderboard.reader.js';
export { leaderboards } from './leaderboard.store.js';
