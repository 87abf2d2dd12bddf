import { compareEventIds, DEFAULT_DEFINITION, type EventId, type RecordedEvent } from '#libs/events';
import type { KeyArgument, PartitionRules, RulesChange, StateKeys, Target } from '#libs/projections';
import { levelsKey, ranksKey, runsKey } from '../keys.js';
import type { BoardEntry } from '../ranking/leaderboard.fold.js';
import { boardOf } from '../ranking/ranks.js';
import { erasePlayer, revoke, setBan } from './moderation-changes.js';
import { periodsOf } from './periods.js';
import { LeaderboardRules, makesSameEntries, NO_PERIOD } from './rules.js';
import { type BoardRules, boardField, formatBoard, periodsField } from './rules-fields.js';

/** The event types of the stream `scores`. */
export const LEADERBOARD_EVENTS = [
  'ScoreSubmitted',
  'EntryRevoked',
  'BoardDefined',
  'BoardRemoved',
  'PlayerBanned',
  'PlayerUnbanned',
  'ScoresErased',
] as const;
export type LeaderboardEvent = (typeof LEADERBOARD_EVENTS)[number];

type Change = RulesChange<BoardEntry>;

/** The rules of leaderboards: definitions, periods with scores, revocations, and bans. */
export const partitionRules: PartitionRules<BoardEntry, LeaderboardEvent, LeaderboardRules> = {
  parse: fields => new LeaderboardRules(fields),
  parseForReplay: (fields, finalFields, boards) =>
    new LeaderboardRules(fields, new LeaderboardRules(finalFields), boards),
  apply: (rules, { fields }) => rules.apply(fields),
  assumptionHeld: rules => rules.assumptionHeld,
  changeFor: (rules, event, targets, keys) => {
    switch (event.type) {
      case 'ScoreSubmitted':
        return openPeriods(rules, targets, keys);
      case 'EntryRevoked':
        return revoke(rules, event, keys);
      case 'BoardDefined':
        return defineBoard(rules, event, keys);
      case 'BoardRemoved':
        return removeBoard(rules, event, keys);
      case 'PlayerBanned':
      case 'PlayerUnbanned':
        return setBan(rules, event, keys);
      case 'ScoresErased':
        return erasePlayer(rules, event, keys);
    }
  },
};

const fieldsOnly = (fields: Change['fields']): Change => ({
  fields,
  affectedTargets: [],
  effects: () => [],
  droppedKeys: [],
});

/** The first score of a period opens the period, and can make the oldest one expire. */
function openPeriods(
  rules: LeaderboardRules,
  targets: readonly Target[],
  keys: StateKeys,
): Change | undefined {
  const isNew = (target: Target) => !rules.hasPeriod(boardOf(target), target.period);
  if (!targets.some(isNew)) return undefined;
  const opened = targets.filter(isNew).map(target => {
    const board = boardOf(target);
    return { board, ...rules.withPeriod(board, target.period) };
  });
  return {
    ...fieldsOnly(Object.fromEntries(opened.map(({ board, open }) => [periodsField(board), open.join(' ')]))),
    droppedKeys: opened.flatMap(({ board, expired }) =>
      expired.flatMap(period => periodKeys(board, period, keys)),
    ),
  };
}

function defineBoard(
  rules: LeaderboardRules,
  { id, data }: RecordedEvent<'BoardDefined'>,
  keys: StateKeys,
): Change | undefined {
  const { board, definition, first } = data;
  const { source, reset, timezone } = definition;
  const before = rules.board(board);
  const { createdBy, countsAfter } = earliestCreation(before, id, data.born);
  const definedBy = first ?? id;
  // Throws if the reset is invalid, so that it never comes into force.
  if (reset !== undefined) periodsOf(reset, timezone);
  const state = source === undefined || first ? 'here' : 'away';
  // A derived board in another partition than its source does not learn of the source's removals.
  const sourceCountsAfter =
    source === undefined || state === 'away' ? undefined : rules.board(source).countsAfter;
  const isLater = isNewer(before, definedBy, first === undefined ? 'first' : 'here');
  const after: BoardRules = isLater
    ? { definedBy, countsAfter, sourceCountsAfter, createdBy, state, definition }
    : { ...before, countsAfter, createdBy };
  const isOther = (known: EventId | undefined) =>
    data.born !== undefined &&
    countsAfter !== undefined &&
    (!known || compareEventIds(known, countsAfter) !== 0);
  return combineChanges([
    ...updateDerivedBoards(rules, board, countsAfter, isOther, keys),
    ...(isLater || countsAfter !== before.countsAfter ? [changeBoard(rules, board, after, keys)] : []),
  ]);
}

/** In a shard, a board counts scores after the first copy of a definition since the board was last created. */
function earliestCreation(
  before: BoardRules,
  id: EventId,
  createdBy: EventId | undefined,
): Pick<BoardRules, 'createdBy' | 'countsAfter'> {
  const order =
    createdBy && before.createdBy ? compareEventIds(createdBy, before.createdBy) : createdBy ? 1 : -1;
  const isEarlier =
    order > 0 || (order === 0 && (!before.countsAfter || compareEventIds(id, before.countsAfter) < 0));
  return isEarlier
    ? { createdBy, countsAfter: id }
    : { createdBy: before.createdBy, countsAfter: before.countsAfter };
}

/**
 * Removes all earlier scores from the board and from its derived boards, even if a later definition of the board has
 * been applied already.
 */
function removeBoard(
  rules: LeaderboardRules,
  { id, data: { board, first } }: RecordedEvent<'BoardRemoved'>,
  keys: StateKeys,
): Change | undefined {
  const before = rules.board(board);
  const definedBy = first ?? id;
  const isLast = (known: EventId | undefined) => !first && (!known || compareEventIds(known, id) < 0);
  const countsAfter = isLast(before.countsAfter) ? id : before.countsAfter;
  const state = first ? 'left' : 'gone';
  const removed: BoardRules = {
    definedBy,
    countsAfter,
    sourceCountsAfter: undefined,
    createdBy: before.createdBy,
    state,
    definition: DEFAULT_DEFINITION,
  };
  const after = isNewer(before, definedBy, state) ? removed : { ...before, countsAfter };
  // The derived boards come first: a rebuild of the board itself marks the event as done.
  return combineChanges([
    ...updateDerivedBoards(rules, board, id, isLast, keys),
    ...(after === removed || countsAfter !== before.countsAfter
      ? [changeBoard(rules, board, after, keys)]
      : []),
  ]);
}

/** Derived boards count the same scores of their source as the source itself. */
function updateDerivedBoards(
  rules: LeaderboardRules,
  source: string,
  sourceCountsAfter: EventId | undefined,
  isOutdated: (sourceCountsAfter: EventId | undefined) => boolean,
  keys: StateKeys,
): Change[] {
  return rules
    .derivedFrom(source)
    .filter(name => isOutdated(rules.board(name).sourceCountsAfter))
    .map(name => changeBoard(rules, name, { ...rules.board(name), sourceCountsAfter }, keys));
}

/** If one of the changes needs a rebuild, only that one is made. The event stays pending, and the rest follows later. */
function combineChanges(changes: readonly Change[]): Change | undefined {
  const rebuild = changes.find(({ boardToRebuild }) => boardToRebuild !== undefined);
  if (rebuild || changes.length === 0) return rebuild;
  return {
    ...fieldsOnly(Object.assign({}, ...changes.map(({ fields }) => fields))),
    droppedKeys: changes.flatMap(({ droppedKeys }) => droppedKeys),
  };
}

/** A board with scores is rebuilt if the new definition makes other entries of them. */
function changeBoard(rules: LeaderboardRules, board: string, after: BoardRules, keys: StateKeys): Change {
  const before = rules.board(board);
  const { source } = after.definition;
  const { definition } = before;
  const change = fieldsOnly({ [boardField(board)]: formatBoard(after) });
  if (rules.isReplay || makesSameEntries(before, after)) return change;
  if (after.state === 'away' || after.state === 'left') return dropEntries(rules, board, change, keys);
  // The board can have scores without a period: later scores may have been applied before this event, and others did not
  // count until now.
  const mayHaveUncountedScores =
    definition.source !== undefined ||
    definition.filter !== undefined ||
    before.state === 'left' ||
    isEarlier(after.countsAfter, before.countsAfter);
  const hasScores =
    rules.periodsOf(board).length > 0 ||
    (source === undefined ? mayHaveUncountedScores : rules.isKnown(source));
  return hasScores ? { ...change, boardToRebuild: board } : change;
}

function isEarlier(countsAfter: EventId | undefined, before: EventId | undefined): boolean {
  return before !== undefined && (countsAfter === undefined || compareEventIds(countsAfter, before) < 0);
}

/** The board no longer counts scores in this partition. */
function dropEntries(rules: LeaderboardRules, board: string, { fields }: Change, keys: StateKeys): Change {
  const droppedKeys = rules.periodsOf(board).flatMap(period => periodKeys(board, period, keys));
  return { ...fieldsOnly({ ...fields, [periodsField(board)]: undefined }), droppedKeys };
}

/**
 * Whether an event about a board is newer than the last one that was applied. One definition can be up to three events in
 * the same partition. Of these, `here` (the board's scores are in this partition) wins over `first` (the definition under
 * the board's own name), and that wins over `left` (the removal from a former partition).
 */
function isNewer(before: BoardRules, definedBy: EventId, what: 'here' | 'first' | 'gone' | 'left'): boolean {
  const order = before.definedBy ? compareEventIds(definedBy, before.definedBy) : 1;
  return order > 0 || (order === 0 && what !== 'left' && (what === 'here' || before.state === 'left'));
}

/** All keys of a board in one period. */
export function periodKeys(board: string, name: string, keys: StateKeys): KeyArgument[] {
  const period = name === NO_PERIOD ? undefined : name;
  return [
    { key: runsKey(keys, board, period), type: 'hash' },
    { key: ranksKey(keys, board, period), type: 'zset' },
    { key: levelsKey(keys, board, period), type: 'zset' },
  ];
}
