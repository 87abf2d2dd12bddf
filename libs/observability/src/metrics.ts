import { collectDefaultMetrics, register } from 'prom-client';

/** Begins to collect what Node tells of itself; every line carries the app's name. */
export function startMetrics(app: string): void {
  register.setDefaultLabels({ app });
  collectDefaultMetrics();
}

/** All metrics of this process, in Prometheus's text format. */
export function renderMetrics(): Promise<string> {
  return register.metrics();
}

export const METRICS_CONTENT_TYPE = register.contentType;
