import { type BoardRules, compareEventIds } from '#libs/events';
import { type EntryEvent, scoresThatCount } from './arbitraries.js';
import { nearestDouble, unitsOf } from './exact-units.js';

/** The board as one would write it on a blackboard: best scores from the top, the earlier first among equals. */
export function naiveBoard(events: readonly EntryEvent[], { order, operator }: BoardRules) {
  const sign = order === 'desc' ? -1 : 1;
  const players = [...new Set(events.map(event => event.data.player))];
  const entries = players.flatMap(player => {
    const counted = scoresThatCount(events.filter(event => event.data.player === player));
    const best = counted.toSorted((a, b) => sign * (a.data.score - b.data.score))[0];
    const run = operator === 'best' ? best : counted.at(-1);
    if (!run) return [];
    const sum = () => nearestDouble(counted.reduce((units, { data }) => units + unitsOf(data.score), 0n));
    return [{ player, score: operator === 'sum' ? sum() : run.data.score, run: run.id }];
  });
  const isAhead = (a: number, b: number) => sign * (a - b) < 0;
  return entries
    .sort((a, b) => sign * (a.score - b.score) || compareEventIds(a.run, b.run))
    .map((entry, _, all) => ({
      ...entry,
      rank: 1 + all.filter(other => isAhead(other.score, entry.score)).length,
    }));
}
