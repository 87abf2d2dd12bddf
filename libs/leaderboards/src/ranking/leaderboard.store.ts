import type { Attributes } from '#libs/events';
import type { Projection } from '#libs/projections';
import type { LeaderboardRules } from '../definitions/rules.js';
import {
  LEADERBOARD_EVENTS,
  type LeaderboardEvent,
  partitionRules,
  periodKeys,
} from '../definitions/rules-changes.js';
import { boardField, periodsField } from '../definitions/rules-fields.js';
import { type PackedSum, pack, toNumber, unpack } from './exact-sum.js';
import { type BoardEntry, evolveEntry } from './leaderboard.fold.js';
import { boardOf, Ranks } from './ranks.js';
import { ORDER_LENGTH, orderOf, runOf } from './tie-break.js';

/**
 * Leaderboards: for each board and period, a sorted set of ranks and a hash of runs.
 *
 * An entry is stored as `<order>[.<count>][~<epoch>][@<ms>] <score or sum> <attributes>`. The part before the first space is
 * the revision: the order encodes the id of the run's event, and then follow the number of scores (scoring rule `sum`), the
 * number of revocations (if any), and the time of the event (if its id has another time).
 */
export const leaderboards: Projection<BoardEntry, LeaderboardEvent, LeaderboardRules> = {
  name: 'ranking-projector',
  title: 'ranking',
  stream: 'scores',
  handles: LEADERBOARD_EVENTS,
  kinds: ['rules', 'ranks', 'runs', 'levels'],
  boardScope: {
    eventFilter: (boards, rules) => {
      const names = new Set(boards.flatMap(board => [board, rules.definitionOf(board).source ?? board]));
      return ({ data }) => !('board' in data) || names.has(data.board);
    },
    rulesFields: board => [boardField(board), periodsField(board)],
    keys: (board, rules, keys) => {
      const periods = rules.flatMap(fields => fields[periodsField(board)]?.split(' ') ?? []);
      return [...new Set(periods)].flatMap(period => periodKeys(board, period, keys).map(({ key }) => key));
    },
  },
  partitionRules,
  waitsForAllEarlier: ({ type }) => type === 'ScoresErased',
  targets: (event, keys, rules) => (event.type === 'ScoreSubmitted' ? rules.targets(event, keys) : []),
  evolve: (entry, event, target, rules) => {
    if (event.type !== 'ScoreSubmitted') return entry;
    const { board, player } = event.data;
    const isRevoked = (event.version ?? 0) < rules.revocationsOf(board, player);
    return isRevoked ? entry : evolveEntry(entry, event, rules.definitionOf(boardOf(target)));
  },
  format: formatEntry,
  parse: parseEntry,
  effects: (before, after, _event, target, keys, rules) => {
    if (rules.isBanned(target.address.field)) return [];
    return new Ranks(keys, target, rules).move(before, after);
  },
};

function formatEntry({ run, at, score, total, attributes, epoch }: BoardEntry): string {
  const time = at === undefined ? '' : `@${at}`;
  const revision = `${orderOf(run)}${total ? `.${total.count}` : ''}${epoch > 0 ? `~${epoch}` : ''}${time}`;
  const value = total ? JSON.stringify(pack(total.sum)) : String(score);
  return `${revision} ${value}${attributes ? ` ${JSON.stringify(attributes)}` : ''}`;
}

/** The revision of an entry. */
const REVISION = /^[-\w]{14}(?:\.(\d+))?(?:~(\d+))?(?:@(\d+))?$/;

/** Called for every event. Almost every entry is just an order and a score, which is parsed without the regular expression. */
export function parseEntry(text: string): BoardEntry {
  const end = text.indexOf(' ');
  const valueEnd = text.indexOf(' ', end + 1);
  const value = text.slice(end + 1, valueEnd < 0 ? text.length : valueEnd);
  if (end === ORDER_LENGTH && valueEnd < 0) return { score: Number(value), run: runOf(text), epoch: 0 };
  const [, count, epoch, at] = (end > ORDER_LENGTH && REVISION.exec(text.slice(0, end))) || [];
  const total = count && { count: Number(count), sum: unpack(JSON.parse(value) as PackedSum) };
  return {
    score: total ? toNumber(total.sum) : Number(value),
    run: runOf(text),
    epoch: Number(epoch ?? 0),
    ...(at && { at: Number(at) }),
    ...(valueEnd > 0 && { attributes: JSON.parse(text.slice(valueEnd + 1)) as Attributes }),
    ...(total && { total }),
  };
}
