import { collectDefaultMetrics, register } from 'prom-client';

/** Starts collecting the default metrics of Node. Every metric gets the label `app`. */
export function startMetrics(app: string): void {
  register.setDefaultLabels({ app });
  collectDefaultMetrics();
}

/** All metrics of this process in the Prometheus text format. */
export function renderMetrics(): Promise<string> {
  return register.metrics();
}

export const METRICS_CONTENT_TYPE = register.contentType;
