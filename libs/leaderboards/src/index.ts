export { BoardCatalog, type Envelope } from './definitions/board-catalog.js';
export {
  type DefinedBoard,
  definitionIdOf,
  partitionsOf,
  SCORED_BOARD,
} from './definitions/defined-board.js';
export { InvalidPeriodError, InvalidResetError, periodsOf } from './definitions/periods.js';
export { LeaderboardRules } from './definitions/rules.js';
export type { LeaderboardEvent } from './definitions/rules-changes.js';
export { formatBoard } from './definitions/rules-fields.js';
export { CursorPeriodError, DenseShardsError, ShardsDisagreeError, ShardsFixedError } from './errors.js';
export { levelsKey, ranksKey, runsKey, scoresKey } from './keys.js';
export type { BoardEntry } from './ranking/leaderboard.fold.js';
export { leaderboards } from './ranking/leaderboard.store.js';
export { boardOf } from './ranking/ranks.js';
export { orderOf } from './ranking/tie-break.js';
export { type BoardWindow, PeriodExpiredError, type RankedEntry } from './readers/board-reply.js';
export {
  LeaderboardReader,
  type ListedBoard,
  type WindowQuery,
  type WindowStart,
} from './readers/leaderboard.reader.js';
export type { ScoresState } from './score-documents/score-document.fold.js';
export { ScoreDocumentReader } from './score-documents/score-document.reader.js';
export { scoreDocuments } from './score-documents/score-document.store.js';
