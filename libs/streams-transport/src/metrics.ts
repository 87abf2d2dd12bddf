import { Counter } from 'prom-client';

/** What became of events, by consumer group: applied, duplicate, deferred, failed or dead. */
export const eventsTotal = new Counter({
  name: 'questlog_events_total',
  help: 'Events by consumer group and outcome',
  labelNames: ['group', 'outcome'] as const,
});

/** Events that were pending but are no longer in the stream: deleted or trimmed before they took effect. */
export const eventsLostTotal = new Counter({
  name: 'questlog_events_lost_total',
  help: 'Pending events that were deleted from the stream before they were processed',
  labelNames: ['group'] as const,
});
