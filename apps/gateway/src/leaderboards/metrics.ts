import { Counter, Gauge } from 'prom-client';

/** Scores that were well-formed and not taken: `reason` is the last part of the problem's type. */
export const scoresRefusedTotal = new Counter({
  name: 'questlog_scores_refused_total',
  help: 'Scores that a board did not take, by reason',
  labelNames: ['reason'] as const,
});

/** Boards that are watched live, by how many clients. */
export const liveStreams = new Gauge({
  name: 'questlog_live_streams',
  help: 'Open live streams',
});
