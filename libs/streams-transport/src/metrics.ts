import { Counter } from 'prom-client';

/** Counts events by consumer group and outcome: `applied`, `duplicate`, `deferred`, `failed`, or `dead`. */
export const eventsTotal = new Counter({
  name: 'questlog_events_total',
  help: 'Events by consumer group and outcome',
  labelNames: ['group', 'outcome'] as const,
});
