import { type BoardDefinition, compareEventIds } from '#libs/events';
import { type EntryEvent, scoresThatCount } from './arbitraries.js';
import { nearestDouble, unitsOf } from './exact-units.js';

/** The board as one would write it on a blackboard: the greatest or least scores from the top, ties as they break. */
export function naiveBoard(
  events: readonly EntryEvent[],
  { order, operator, tieBreak, ranking }: BoardDefinition,
) {
  const sign = order === 'desc' ? -1 : 1;
  const players = [...new Set(events.map(event => event.data.player))];
  const entries = players.flatMap(player => {
    const counted = scoresThatCount(events.filter(event => event.data.player === player));
    const best = counted.toSorted((a, b) => sign * (a.data.score - b.data.score))[0];
    const run = operator === 'best' ? best : counted.at(-1);
    if (!run) return [];
    const sum = () => nearestDouble(counted.reduce((units, { data }) => units + unitsOf(data.score), 0n));
    const at = run.at === undefined ? {} : { at: run.at };
    return [{ player, score: operator === 'sum' ? sum() : run.data.score, run: run.id, ...at }];
  });
  type Entry = (typeof entries)[number];
  const byPlayer = (a: Entry, b: Entry) => Buffer.compare(Buffer.from(b.player), Buffer.from(a.player));
  // Events of different partitions can have the same id.
  const breakTie = {
    first: (a: Entry, b: Entry) => compareEventIds(a.run, b.run) || byPlayer(a, b),
    last: (a: Entry, b: Entry) => compareEventIds(b.run, a.run) || byPlayer(a, b),
    none: byPlayer,
  }[tieBreak];
  const isAhead = (a: Entry, b: Entry) => sign * (a.score - b.score) < 0;
  return entries
    .sort((a, b) => sign * (a.score - b.score) || breakTie(a, b))
    .map((entry, i, all) => {
      const ahead = all.filter(other => isAhead(other, entry));
      const scores = new Set(ahead.map(({ score }) => score));
      const rank = { standard: ahead.length, dense: scores.size, ordinal: i }[ranking] + 1;
      return { rank, better: ahead.length, ...entry };
    });
}
