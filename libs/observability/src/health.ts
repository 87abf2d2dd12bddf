import type { FastifyInstance } from 'fastify';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics.js';

/** Something without which a service cannot do its work. */
export interface ReadinessCheck {
  readonly name: string;
  /** @throws an error that says what is missing */
  check(): Promise<unknown>;
}

/** Serves `/healthz`: alive; `/readyz`: able to work, or 503 and why not; `/metrics`: for Prometheus. */
export function serveHealth(fastify: FastifyInstance, checks: readonly ReadinessCheck[]): void {
  fastify.get('/healthz', () => ({ status: 'alive' }));
  fastify.get('/readyz', async (_request, reply) => {
    const results = await Promise.all(checks.map(run));
    const ready = results.every(([, result]) => result === 'ok');
    reply.status(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not ready', checks: Object.fromEntries(results) };
  });
  fastify.get('/metrics', async (_request, reply) => {
    reply.type(METRICS_CONTENT_TYPE);
    return renderMetrics();
  });
}

async function run({ name, check }: ReadinessCheck): Promise<[name: string, result: string]> {
  try {
    await check();
    return [name, 'ok'];
  } catch (error) {
    return [name, error instanceof Error ? error.message : String(error)];
  }
}
