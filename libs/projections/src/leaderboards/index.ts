export { type BoardWindow, PeriodExpiredError, type RankedEntry } from './board-reply.js';
export type * from './leaderboard.fold.js';
export * from './leaderboard.reader.js';
export { leaderboards } from './leaderboard.store.js';
export { InvalidPeriodError, InvalidResetError, periodsOf } from './periods.js';
export { LEADERBOARD_EVENTS, type LeaderboardEvent } from './rulebook.js';
export type { LeaderboardRules } from './rules.js';
