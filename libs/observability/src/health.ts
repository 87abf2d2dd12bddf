import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { Gauge } from 'prom-client';
import type { Logger } from './logger.js';
import { METRICS_CONTENT_TYPE, renderMetrics } from './metrics.js';

/** A probe that takes longer has failed. `/readyz` must answer within two seconds, even while Redis is frozen. */
const PROBE_TIMEOUT_MS = 1_500;
/** How long a report is reused. `/readyz` is public, and each run of the probes costs Redis commands. */
const REPORT_CACHE_MS = 200;
/** How often the checks run without a request, to keep the metric and the log current. */
const WATCH_INTERVAL_MS = 2_000;

/** The values of the label `reason` of the metric `questlog_degraded`. */
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

/** Thrown by a probe to override the reason and severity of its check. */
export class HealthFault extends Error {
  override readonly name = 'HealthFault';

  /** @param message what is wrong and what to do */
  constructor(
    readonly severity: Severity,
    readonly reason: FaultReason,
    message: string,
  ) {
    super(message);
  }
}

/** Something a service depends on. Pass checks to the constructor of `Health`. */
export interface HealthCheck {
  /** The name of the field under `checks` in the report. */
  readonly name: string;
  /** Severity and reason of a failure, unless the probe throws a `HealthFault`. */
  readonly severity: Severity;
  readonly reason: FaultReason;
  /** The fault of a probe that times out. Default: `severity` and `reason`, as for any failure. */
  readonly timeoutFault?: HealthFault;
  /** Failures in the first milliseconds after the start are not logged: the service is still starting. */
  readonly quietStartMs?: number;
  /** @throws Error with a message that says what is wrong */
  probe(): Promise<unknown>;
}

export interface HealthReport {
  readonly status: 'ready' | Severity;
  /** For each check by name: `ok`, or a message that says what is wrong. */
  readonly checks: Readonly<Record<string, string>>;
}

type Result = readonly [check: HealthCheck, fault: HealthFault | undefined];

const degraded = new Gauge({
  name: 'questlog_degraded',
  help: '1 for each reason why this service is degraded or not ready; /readyz has the details',
  labelNames: ['reason'] as const,
});

/** Runs the checks of a service and publishes the results in `/readyz`, a metric, and the log. */
export class Health {
  private readonly checks: HealthCheck[];
  private running: Promise<HealthReport> | undefined;
  private last: { readonly at: number; readonly report: HealthReport } | undefined;
  private readonly loggedReasons = new Map<string, string>();
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

  /** Runs the checks, or returns a report of the last moments. Concurrent calls share one run. */
  report(): Promise<HealthReport> {
    if (this.last && performance.now() - this.last.at < REPORT_CACHE_MS)
      return Promise.resolve(this.last.report);
    this.running ??= this.run().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Runs the checks at a fixed interval. @returns a function that stops it */
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
    const isNotReady = faults.some(({ severity }) => severity === 'not ready');
    const report: HealthReport = {
      status: isNotReady ? 'not ready' : faults.length > 0 ? 'degraded' : 'ready',
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
    const timeout = new Promise<never>((_, reject) => {
      const error = check.timeoutFault ?? new Error(`no answer within ${this.probeTimeoutMs} ms`);
      timer = setTimeout(reject, this.probeTimeoutMs, error).unref();
    });
    try {
      await Promise.race([check.probe(), timeout]);
      return [check, undefined];
    } catch (error) {
      if (error instanceof HealthFault) return [check, error];
      const message = error instanceof Error ? error.message : String(error);
      return [check, new HealthFault(check.severity, check.reason, message)];
    } finally {
      clearTimeout(timer);
    }
  }

  /** Logs a check once when it starts to fail or fails for another reason, and once when it passes again. */
  private logChanges(results: readonly Result[]): void {
    const age = performance.now() - this.startedAt;
    for (const [{ name, quietStartMs = 0 }, fault] of results) {
      if (age < quietStartMs) continue;
      const before = this.loggedReasons.get(name);
      if (fault && before !== fault.reason) {
        this.loggedReasons.set(name, fault.reason);
        this.logger?.warn(`${fault.severity}: ${name}: ${fault.message}`, 'Health');
      } else if (!fault && before !== undefined) {
        this.loggedReasons.delete(name);
        this.logger?.log(`recovered: ${name}`, 'Health');
      }
    }
  }
}

/**
 * Adds three routes and runs the checks while the server listens.
 *
 * - `/healthz`: 200 while the process is alive
 * - `/readyz`: a `HealthReport`, with 200 when ready or degraded and 503 when not ready
 * - `/metrics`: metrics for Prometheus
 */
export function addHealthRoutes(fastify: FastifyInstance, health: Health): void {
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
