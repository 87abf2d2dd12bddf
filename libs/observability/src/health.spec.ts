import { setTimeout as delay } from 'node:timers/promises';
import { register } from 'prom-client';
import { Health, type HealthCheck, HealthFault } from './health.js';
import type { Logger } from './logger.js';

const check = (
  name: string,
  probe: () => Promise<unknown>,
  more: Partial<HealthCheck> = {},
): HealthCheck => ({
  name,
  severity: 'not ready',
  reason: 'check-failed',
  probe,
  ...more,
});
const fine = async () => {};
const failing = (error: Error) => async () => {
  throw error;
};
const gauge = async (reason: string) => {
  const { values } = (await register.getSingleMetric('questlog_degraded')?.get()) ?? { values: [] };
  return values.find(({ labels }) => labels.reason === reason)?.value;
};

describe('the health of a service', () => {
  it('is ready when every check passes', async () => {
    const health = new Health([check('one', fine), check('two', fine)]);
    expect(await health.report()).toEqual({ status: 'ready', checks: { one: 'ok', two: 'ok' } });
  });

  it('reports a fault as degraded in the report and the metric, and recovers when the check passes', async () => {
    let fault: Error | undefined = new HealthFault(
      'degraded',
      'eviction-policy',
      'the policy is allkeys-lru',
    );
    const health = new Health([
      check('redis', fine),
      check('settings', async () => {
        if (fault) throw fault;
      }),
    ]);
    expect(await health.report()).toEqual({
      status: 'degraded',
      checks: { redis: 'ok', settings: 'the policy is allkeys-lru' },
    });
    expect(await gauge('eviction-policy')).toBe(1);
    expect(await gauge('log-damaged')).toBe(0);
    fault = undefined;
    await eventuallyReady(health);
    expect(await gauge('eviction-policy')).toBe(0);
  });

  it('keeps running the checks after a run that threw', async () => {
    let looks = 0;
    const errors: unknown[] = [];
    const logger = {
      warn: () => {
        throw new Error('a bug');
      },
      error: (error: unknown) => errors.push(error),
    } as unknown as Logger;
    const bad = failing(new Error('away'));
    const probe = () => {
      looks += 1;
      return bad();
    };
    const stop = new Health([check('redis', probe)], logger).watch();
    const until = performance.now() + 20_000;
    while (looks < 2 && performance.now() < until) await delay(50);
    stop();
    expect(looks).toBeGreaterThan(1);
    expect(errors).toContainEqual(new Error('a bug'));
  });

  it('is not ready when one check says so, whatever the others say', async () => {
    const health = new Health([
      check('settings', failing(new HealthFault('degraded', 'persistence-off', 'off'))),
      check('redis', failing(new Error('Redis is unreachable'))),
    ]);
    expect(await health.report()).toMatchObject({
      status: 'not ready',
      checks: { redis: 'Redis is unreachable' },
    });
  });

  it('does not wait for a probe that never settles', async () => {
    const health = new Health(
      [check('frozen', () => new Promise(() => {})), check('ok', fine)],
      undefined,
      20,
    );
    expect(await health.report()).toEqual({
      status: 'not ready',
      checks: { frozen: 'no answer within 20 ms', ok: 'ok' },
    });
  });

  it('reports the timeout fault of the check for a probe that never settles', async () => {
    const timeoutFault = new HealthFault('degraded', 'redis-unreachable', 'unknown: Redis is silent');
    const never = () => new Promise(() => {});
    const health = new Health([check('log', never, { reason: 'log-damaged', timeoutFault })], undefined, 20);
    expect(await health.report()).toEqual({
      status: 'degraded',
      checks: { log: 'unknown: Redis is silent' },
    });
    expect(await gauge('log-damaged')).toBe(0);
    expect(await gauge('redis-unreachable')).toBe(1);
  });

  it('does not log failures of a check in its quiet period after the start', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line) } as unknown as Logger;
    const bad = failing(new Error('not yet'));
    const checks = [check('slow', bad, { quietStartMs: 60_000 }), check('redis', bad)];
    expect((await new Health(checks, logger).report()).status).toBe('not ready');
    expect(lines).toEqual(['not ready: redis: not yet']);
  });

  it('runs its probes once for concurrent requests', async () => {
    let runs = 0;
    const health = new Health([
      check('counted', async () => {
        runs += 1;
      }),
    ]);
    await Promise.all(Array.from({ length: 50 }, () => health.report()));
    await health.report();
    expect(runs).toBe(1);
  });
});

/** Polls, because reports are cached for a moment. */
async function eventuallyReady(health: Health): Promise<void> {
  const end = performance.now() + 5_000;
  while ((await health.report()).status !== 'ready') {
    if (performance.now() > end) throw new Error('it does not become ready');
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
