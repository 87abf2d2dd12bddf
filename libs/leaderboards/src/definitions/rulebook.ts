import { compareEventIds, DEFAULT_DEFINITION, type EventId, type RecordedEvent } from '#libs/events';
import type { KeyArgument, PartitionRules, RulesChange, StateKeys, Target } from '#libs/projections';
import { levelsKey, ranksKey, runsKey } from '../keys.js';
import type { BoardEntry } from '../ranking/leaderboard.fold.js';
import { boardOf, Ranks } from '../ranking/ranks.js';
import { periodsOf } from './periods.js';
import {
  type Board,
  boardField,
  EVER,
  formatBan,
  formatBoard,
  isSameShape,
  LeaderboardRules,
  periodsField,
  playerField,
  revocationsField,
} from './rules.js';

/** What leaderboards are made of. */
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

/** Definitions, periods, revocations and bans. */
export const partitionRules: PartitionRules<BoardEntry, LeaderboardEvent, LeaderboardRules> = {
  parse: fields => new LeaderboardRules(fields),
  parseForReplay: (fields, inTheEnd, boards) =>
    new LeaderboardRules(fields, new LeaderboardRules(inTheEnd), boards),
  apply: (rules, { fields }) => rules.amend(fields),
  assumptionHeld: rules => rules.asAssumed,
  changeFor: (rules, event, targets, keys) => {
    switch (event.type) {
      case 'ScoreSubmitted':
        return play(rules, targets, keys);
      case 'EntryRevoked':
        return revoke(rules, event, keys);
      case 'BoardDefined':
        return define(rules, event, keys);
      case 'BoardRemoved':
        return remove(rules, event, keys);
      case 'PlayerBanned':
      case 'PlayerUnbanned':
        return ban(rules, event, keys);
      case 'ScoresErased':
        return erase(rules, event, keys);
    }
  },
};

const plain = (fields: RulesChange<BoardEntry>['fields']): RulesChange<BoardEntry> => ({
  fields,
  affectedTargets: [],
  effects: () => [],
  droppedKeys: [],
});

/** The first score of a period opens it, and can close the oldest. */
function play(
  rules: LeaderboardRules,
  targets: readonly Target[],
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  const isNew = (target: Target) => !rules.isOpen(boardOf(target), target.period);
  if (!targets.some(isNew)) return undefined;
  const news = targets.filter(isNew);
  const opened = news.map(target => {
    const board = boardOf(target);
    return { board, ...rules.opened(board, target.period) };
  });
  return {
    ...plain(Object.fromEntries(opened.map(({ board, open }) => [periodsField(board), open.join(' ')]))),
    droppedKeys: opened.flatMap(({ board, expired }) =>
      expired.flatMap(period => keysOf(board, period, keys)),
    ),
  };
}

/** What was scored before it is gone from every period of the board, and of those that count its scores. */
function revoke(
  rules: LeaderboardRules,
  { version = 1, data: { board, player } }: RecordedEvent<'EntryRevoked'>,
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  if (version <= rules.revocationsOf(board, player)) return undefined;
  const affectedTargets = rules.placesOf(player, keys, board);
  const isRevoked = (entry: BoardEntry | undefined) => entry !== undefined && entry.epoch < version;
  return {
    ...plain({ [revocationsField(board, player)]: String(version) }),
    affectedTargets,
    removes: isRevoked,
    effects: entries =>
      affectedTargets.flatMap((target, i) =>
        isRevoked(entries[i]) ? new Ranks(keys, target, rules).move(entries[i], undefined) : [],
      ),
  };
}

function define(
  rules: LeaderboardRules,
  { id, data }: RecordedEvent<'BoardDefined'>,
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  const { board, definition, first } = data;
  const { source, reset, timezone } = definition;
  const before = rules.board(board);
  const { born, from } = beginning(before, id, data.born);
  const by = first ?? id;
  // A reset that nobody can read must not come into force.
  if (reset !== undefined) periodsOf(reset, timezone);
  const state = source === undefined || first ? 'here' : 'away';
  // Nobody tells a board that is elsewhere how its source fares here.
  const since = source === undefined || state === 'away' ? undefined : rules.board(source).from;
  const isLater = isNews(before, by, first === undefined ? 'first' : 'here');
  const after: Board = isLater ? { by, from, since, born, state, definition } : { ...before, from, born };
  const isOther = (known: EventId | undefined) =>
    data.born !== undefined && from !== undefined && (!known || compareEventIds(known, from) !== 0);
  return together([
    ...follow(rules, board, from, isOther, keys),
    ...(isLater || from !== before.from ? [become(rules, board, after, keys)] : []),
  ]);
}

/** Where in the partition a shard of a board begins: with the first copy of a definition since it was born. */
function beginning(before: Board, id: EventId, born: EventId | undefined): Pick<Board, 'born' | 'from'> {
  const order = born && before.born ? compareEventIds(born, before.born) : born ? 1 : -1;
  const isEarlier = order > 0 || (order === 0 && (!before.from || compareEventIds(id, before.from) < 0));
  return isEarlier ? { born, from: id } : { born: before.born, from: before.from };
}

/** The scores until then are gone, from boards that count them, too, and when a later definition is known already. */
function remove(
  rules: LeaderboardRules,
  { id, data: { board, first } }: RecordedEvent<'BoardRemoved'>,
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  const before = rules.board(board);
  const by = first ?? id;
  const isLast = (known: EventId | undefined) => !first && (!known || compareEventIds(known, id) < 0);
  const from = isLast(before.from) ? id : before.from;
  const { born } = before;
  const state = first ? 'left' : 'gone';
  const removed: Board = { by, from, since: undefined, born, state, definition: DEFAULT_DEFINITION };
  const after = isNews(before, by, state) ? removed : { ...before, from };
  // The board itself comes last: once it is rebuilt, it has the event.
  return together([
    ...follow(rules, board, id, isLast, keys),
    ...(after === removed || from !== before.from ? [become(rules, board, after, keys)] : []),
  ]);
}

/** The boards that count a board's scores count those since it began, too. */
function follow(
  rules: LeaderboardRules,
  board: string,
  since: EventId | undefined,
  isPast: (since: EventId | undefined) => boolean,
  keys: StateKeys,
): RulesChange<BoardEntry>[] {
  return rules
    .derivedFrom(board)
    .filter(name => isPast(rules.board(name).since))
    .map(name => become(rules, name, { ...rules.board(name), since }, keys));
}

/** What needs a rebuild goes alone, and before the rest. */
function together(rulings: readonly RulesChange<BoardEntry>[]): RulesChange<BoardEntry> | undefined {
  const rebuild = rulings.find(({ boardToRebuild }) => boardToRebuild !== undefined);
  if (rebuild || rulings.length === 0) return rebuild;
  return {
    ...plain(Object.assign({}, ...rulings.map(({ fields }) => fields))),
    droppedKeys: rulings.flatMap(({ droppedKeys }) => droppedKeys),
  };
}

/** Under another definition, scores make other entries: a board that has some is built anew. */
function become(
  rules: LeaderboardRules,
  board: string,
  after: Board,
  keys: StateKeys,
): RulesChange<BoardEntry> {
  const before = rules.board(board);
  const { source } = after.definition;
  const { definition } = before;
  const ruling = plain({ [boardField(board)]: formatBoard(after) });
  if (rules.isAssuming || isSameShape(before, after)) return ruling;
  if (after.state === 'away' || after.state === 'left') return leave(rules, board, ruling, keys);
  // Scores that came after the event may have taken effect before it; others did not count until now.
  const mayHaveOwn =
    definition.source !== undefined ||
    definition.filter !== undefined ||
    before.state === 'left' ||
    beginsEarlier(after.from, before.from);
  const hasScores =
    rules.periodsOf(board).length > 0 || (source === undefined ? mayHaveOwn : rules.isKnown(source));
  return hasScores ? { ...ruling, boardToRebuild: board } : ruling;
}

function beginsEarlier(from: EventId | undefined, before: EventId | undefined): boolean {
  return before !== undefined && (from === undefined || compareEventIds(from, before) < 0);
}

/** Nothing counts here any more. */
function leave(
  rules: LeaderboardRules,
  board: string,
  { fields }: RulesChange<BoardEntry>,
  keys: StateKeys,
): RulesChange<BoardEntry> {
  const droppedKeys = rules.periodsOf(board).flatMap(period => keysOf(board, period, keys));
  return { ...plain({ ...fields, [periodsField(board)]: undefined }), droppedKeys };
}

/**
 * Of two events about a board the later one holds. One definition can be three events in the same partition: that the
 * board is here goes before that it is elsewhere, and that goes before its removal from where it was.
 */
function isNews(before: Board, by: EventId, what: 'here' | 'first' | 'gone' | 'left'): boolean {
  const order = before.by ? compareEventIds(by, before.by) : 1;
  return order > 0 || (order === 0 && what !== 'left' && (what === 'here' || before.state === 'left'));
}

/** A banned player's entries are kept, but not ranked. */
function ban(
  rules: LeaderboardRules,
  { type, id, data: { player, first } }: RecordedEvent<'PlayerBanned' | 'PlayerUnbanned'>,
  keys: StateKeys,
): RulesChange<BoardEntry> | undefined {
  const by = first ?? id;
  if (!rules.isNewForPlayer(player, by)) return undefined;
  const banned = type === 'PlayerBanned';
  const affectedTargets = banned === rules.isBanned(player) ? [] : rules.placesOf(player, keys);
  return {
    ...plain({ [playerField(player)]: formatBan({ by, banned }) }),
    affectedTargets,
    effects: entries =>
      affectedTargets.flatMap((target, i) => {
        const ranks = new Ranks(keys, target, rules);
        return banned ? ranks.move(entries[i], undefined) : ranks.move(undefined, entries[i]);
      }),
  };
}

/** It comes last of all events of the player: what there is goes. Of a board, it leaves that it has scores. */
function erase(
  rules: LeaderboardRules,
  { data: { player } }: RecordedEvent<'ScoresErased'>,
  keys: StateKeys,
): RulesChange<BoardEntry> {
  const affectedTargets = rules.placesOf(player, keys);
  return {
    ...plain(Object.fromEntries(rules.fieldsOf(player).map(field => [field, undefined]))),
    affectedTargets,
    removes: () => true,
    effects: entries =>
      affectedTargets.flatMap((target, i) => new Ranks(keys, target, rules).move(entries[i], undefined)),
  };
}

/** All that is kept of a board in one period. */
export function keysOf(board: string, name: string, keys: StateKeys): KeyArgument[] {
  const period = name === EVER ? undefined : name;
  return [
    { key: runsKey(keys, board, period), type: 'hash' },
    { key: ranksKey(keys, board, period), type: 'zset' },
    { key: levelsKey(keys, board, period), type: 'zset' },
  ];
}
