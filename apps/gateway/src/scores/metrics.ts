import { Counter } from 'prom-client';

/** Well-formed scores that a board refused. `reason` is the last part of the problem's type. */
export const scoresRefusedTotal = new Counter({
  name: 'questlog_scores_refused_total',
  help: 'Scores that a board did not take, by reason',
  labelNames: ['reason'] as const,
});
