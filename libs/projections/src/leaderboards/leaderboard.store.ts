import type { Attributes } from '#libs/events';
import type { Projection } from '../projection.js';
import { type BoardEntry, evolveEntry } from './leaderboard.fold.js';
import { ORDER_LENGTH, orderOf, runOf } from './tie-break.js';

/**
 * Leaderboards: for each board a sorted set that ranks, and a hash of the runs that count.
 *
 * A run is kept as `<order> <score> <attributes>`; the order names its event, and so is the revision.
 */
export const leaderboards: Projection<BoardEntry, 'ScoreSubmitted'> = {
  name: 'ranking-projector',
  stream: 'scores',
  handles: ['ScoreSubmitted'],
  address: ({ data }, keys) => ({ key: keys.runs(data.board), field: data.player }),
  evolve: evolveEntry,
  format: formatRun,
  parse: parseRun,
  effects: (before, after, { data }, keys) => {
    const ranks = { type: 'zset', key: keys.ranks(data.board) } as const;
    const add = {
      ...ranks,
      command: 'ZADD',
      args: [String(after.score), orderOf(after.run) + data.player],
    } as const;
    return before ? [{ ...ranks, command: 'ZREM', args: [orderOf(before.run) + data.player] }, add] : [add];
  },
};

function formatRun({ run, score, attributes }: BoardEntry): string {
  return `${orderOf(run)} ${score}${attributes ? ` ${JSON.stringify(attributes)}` : ''}`;
}

export function parseRun(text: string): BoardEntry {
  const end = text.indexOf(' ', ORDER_LENGTH + 1);
  const score = Number(text.slice(ORDER_LENGTH + 1, end < 0 ? undefined : end));
  const run = runOf(text);
  return end < 0 ? { run, score } : { run, score, attributes: JSON.parse(text.slice(end + 1)) as Attributes };
}
