import { Counter } from 'prom-client';

/** What became of events, by consumer group: applied, duplicate, deferred, failed or dead. */
export const eventsTotal = new Counter({
  name: 'questlog_events_total',
  help: 'Events by consumer group and outcome',
  labelNames: ['group', 'outcome'] as const,
});
