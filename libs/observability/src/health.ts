import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Gauge } from 'prom-client';
import type { Logger } from './logger.js';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics.js';

/** Milliseconds that a probe may take. `/readyz` answers within two seconds, also while Redis is frozen. */
const PROBE_TIMEOUT_MS = 1_500;
/** Milliseconds for which a report is answered again: `/readyz` is public, and its probes cost Redis something. */
const REPORT_AGE_MS = 200;
/** Milliseconds between two reports that nobody asked for: they keep the metric and the log current. */
const WATCH_INTERVAL_MS = 2_000;

/** Why a service is not wholly well: the values of the label `reason` of `questlog_degraded`. */
export const FAULT_REASONS = [
  'redis-unreachable',
  'redis-loading',
  'redis-refused',
  'redis-busy',
  'redis-read-only',
  'redis-full',
  'redis-disk',
  'redis-replicas',
  'eviction-policy',
  'persistence-off',
  'persistence-weak',
  'settings-unknown',
  'clock-ahead',
  'worker-missing',
  'not-reading',
  'part-missing',
  'log-damaged',
  'archive-behind',
  'check-failed',
] as const;
export type FaultReason = (typeof FAULT_REASONS)[number];

/**
 * `degraded`: players are served at least in part, and an operator must act; `/readyz` is 200.
 * `not ready`: this process can serve nothing; `/readyz` is 503.
 */
export type Severity = 'degraded' | 'not ready';

/** Thrown by a probe to say which reason and severity its failure has. */
export class HealthFault extends Error {
  override readonly name = 'HealthFault';

  /** @param message what is wrong, and what to do */
  constructor(
    readonly severity: Severity,
    readonly reason: FaultReason,
    message: string,
  ) {
    super(message);
  }
}

/** One thing that a service needs. A new check is added to the list that the service gives to `Health`. */
export interface HealthCheck {
  /** The field under `checks`. */
  readonly name: string;
  /** What a failure means, unless the probe throws a `HealthFault`, which says so itself. */
  readonly severity: Severity;
  readonly reason: FaultReason;
  /** What it means that the probe does not answer in time. Unset: what any other failure means. */
  readonly late?: HealthFault;
  /** Milliseconds after the start in which a failure is no news for the log: the service is only starting. */
  readonly startingMs?: number;
  /** @throws Error whose message says what is wrong */
  probe(): Promise<unknown>;
}

export interface HealthReport {
  readonly status: 'ready' | Severity;
  /** By name of the check: `ok`, or what is wrong. */
  readonly checks: Readonly<Record<string, string>>;
}

type Result = readonly [check: HealthCheck, fault: HealthFault | undefined];

const degraded = new Gauge({
  name: 'questlog_degraded',
  help: '1 for each reason why this service is not wholly well: see its /readyz for the words',
  labelNames: ['reason'] as const,
});

/** Runs the checks of a service, and tells `/readyz`, `/metrics` and the log what they find. */
export class Health {
  private readonly checks: HealthCheck[];
  private running: Promise<HealthReport> | undefined;
  private last: { readonly at: number; readonly report: HealthReport } | undefined;
  private readonly known = new Map<string, string>();
  private readonly startedAt = performance.now();

  constructor(
    checks: readonly HealthCheck[],
    private readonly logger?: Logger,
    private readonly probeTimeoutMs = PROBE_TIMEOUT_MS,
  ) {
    this.checks = [...checks];
  }

  add(check: HealthCheck): void {
    this.checks.push(check);
  }

  /** Requests at the same time share one run. */
  report(): Promise<HealthReport> {
    if (this.last && performance.now() - this.last.at < REPORT_AGE_MS)
      return Promise.resolve(this.last.report);
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Reports again and again. @returns ends it */
  watch(): () => void {
    let isWatching = true;
    const loop = async () => {
      while (isWatching) {
        try {
          await this.report();
        } catch (error) {
          this.logger?.error(error, undefined, 'Health');
        }
        await delay(WATCH_INTERVAL_MS, undefined, { ref: false });
      }
    };
    void loop();
    return () => {
      isWatching = false;
    };
  }

  private async run(): Promise<HealthReport> {
    const results = await Promise.all(this.checks.map(check => this.probe(check)));
    const faults = results.flatMap(([, fault]) => fault ?? []);
    const isOut = faults.some(({ severity }) => severity === 'not ready');
    const report: HealthReport = {
      status: isOut ? 'not ready' : faults.length > 0 ? 'degraded' : 'ready',
      checks: Object.fromEntries(results.map(([{ name }, fault]) => [name, fault?.message ?? 'ok'])),
    };
    const reasons = new Set(faults.map(({ reason }) => reason));
    for (const reason of FAULT_REASONS) degraded.set({ reason }, reasons.has(reason) ? 1 : 0);
    this.logChanges(results);
    this.last = { at: performance.now(), report };
    return report;
  }

  private async probe(check: HealthCheck): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = check.late ?? new Error(`no answer within ${this.probeTimeoutMs} ms`);
      timer = setTimeout(reject, this.probeTimeoutMs, error).unref();
    });
    try {
      await Promise.race([check.probe(), late]);
      return [check, undefined];
    } catch (error) {
      if (error instanceof HealthFault) return [check, error];
      const message = error instanceof Error ? error.message : String(error);
      return [check, new HealthFault(check.severity, check.reason, message)];
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says once that something is wrong, and once that it is well again. */
  private logChanges(results: readonly Result[]): void {
    const age = performance.now() - this.startedAt;
    for (const [{ name, startingMs = 0 }, fault] of results) {
      if (age < startingMs) continue;
      const before = this.known.get(name);
      if (fault && before !== fault.reason) {
        this.known.set(name, fault.reason);
        this.logger?.warn(`${fault.severity}: ${name}: ${fault.message}`, 'Health');
      } else if (!fault && before !== undefined) {
        this.known.delete(name);
        this.logger?.log(`well again: ${name}`, 'Health');
      }
    }
  }
}

/**
 * Serves `/healthz`: the process is alive; `/readyz`: ready or degraded (200), not ready (503), and why; `/metrics`: for
 * Prometheus.
 */
export function serveHealth(fastify: FastifyInstance, health: Health): void {
  fastify.get('/healthz', () => ({ status: 'alive' }));
  fastify.get('/readyz', async (_request, reply) => {
    const report = await health.report();
    reply.status(report.status === 'not ready' ? 503 : 200);
    return report;
  });
  fastify.get('/metrics', async (_request, reply) => {
    reply.type(METRICS_CONTENT_TYPE);
    return renderMetrics();
  });
  let stop: (() => void) | undefined;
  fastify.addHook('onListen', done => {
    stop = health.watch();
    done();
  });
  fastify.addHook('onClose', (_instance, done) => {
    stop?.();
    done();
  });
}
