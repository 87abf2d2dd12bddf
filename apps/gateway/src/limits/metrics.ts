import { Counter } from 'prom-client';

/** Requests refused by the rate limit. */
export const requestsLimitedTotal = new Counter({
  name: 'questlog_requests_limited_total',
  help: 'Requests refused for being over the rate limit, by class of route and role of the caller',
  labelNames: ['class', 'role'] as const,
});
