import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { RateLimit } from '#libs/config';
import { limitKey } from '#libs/players';
import { createClient, type RedisClient } from '#libs/redis';
import { openTestLog, type TestLog, testRedis } from '#libs/testing';
import { SlidingWindow } from './sliding-window.js';

describe('the sliding window', () => {
  let test: TestLog;
  let redis: RedisClient;
  let other: RedisClient;
  let keys = 0;
  const newKey = () => limitKey(test.prefix, 'read', 'player', String(keys++));

  beforeAll(async () => {
    test = await openTestLog();
    redis = test.redis;
    other = createClient(testRedis(), test.prefix);
    await other.connect();
  });
  afterAll(async () => {
    other.disconnect();
    await test.close();
  });

  describe('with the clock of the test', () => {
    // The script has the server's clock and no other; here its text gets one more argument for it.
    const text = readFileSync('apps/gateway/src/lua/admit.lua', 'utf8').replace(
      "redis.call('TIME')",
      '{ ARGV[4], ARGV[5] }',
    );
    const NOON = 1_800_000_000_000;

    const admitAt = async (key: string, ms: number, { limit, window }: RateLimit, cost = 1) => {
      const at = NOON + ms;
      const time = [Math.floor(at / 1_000), (at % 1_000) * 1_000];
      const [reply = ''] = (await redis.eval(text, ...[1, key, limit, window, cost, ...time])) as string[];
      const [admitted, remaining = 0, retryAfter = 0, resetAfter = 0] = reply.split(' ').map(Number);
      return { admitted: admitted === 1, remaining, retryAfter, resetAfter };
    };
    const sum = (list: readonly { at: number; cost: number }[], from: number) =>
      list.filter(({ at }) => at >= from).reduce((total, { cost }) => total + cost, 0);

    it('keeps every window within the limit, and is exact to one slot', async () => {
      const request = fc.record({
        // Many at once, some a slot later, a few a window later.
        after: fc.oneof(fc.constant(0), fc.nat(60), fc.nat(1_300)),
        cost: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 7 })),
      });
      const scenario = fc.record({
        limit: fc.integer({ min: 7, max: 30 }),
        window: fc.constantFrom(1_000, 990, 1_010),
        requests: fc.array(request, { minLength: 20, maxLength: 120 }),
      });
      await fc.assert(
        fc.asyncProperty(scenario, async ({ limit, window, requests }) => {
          const key = newKey();
          const width = Math.ceil(window / 20);
          const admitted: { at: number; cost: number }[] = [];
          let at = 0;
          for (const { after, cost } of requests) {
            at += after;
            const answer = await admitAt(key, at, { limit, window }, cost);
            if (answer.admitted) admitted.push({ at, cost });
            else expect(sum(admitted, at - 21 * width + 1) + cost).toBeGreaterThan(limit);
            expect(sum(admitted, at - window)).toBeLessThanOrEqual(limit);
            expect(sum(admitted, at - window) + answer.remaining).toBeLessThanOrEqual(limit);
          }
        }),
        { numRuns: 100 },
      );
    });

    it('tells to the millisecond when a cost fits again, and when the whole limit is available', async () => {
      const limit = { limit: 10, window: 1_000 };
      const requests = fc.array(fc.record({ after: fc.nat(400), cost: fc.integer({ min: 1, max: 10 }) }), {
        minLength: 3,
        maxLength: 30,
      });
      await fc.assert(
        fc.asyncProperty(requests, async list => {
          const key = newKey();
          let at = 0;
          for (const { after, cost } of list) {
            at += after;
            const { admitted, retryAfter, resetAfter } = await admitAt(key, at, limit, cost);
            if (admitted) continue;
            expect(retryAfter).toBeLessThanOrEqual(resetAfter);
            const early = await admitAt(key, at + retryAfter - 1, limit, cost);
            expect(early).toMatchObject({ admitted: false, retryAfter: 1 });
            at += retryAfter;
            expect(await admitAt(key, at, limit, cost)).toMatchObject({ admitted: true });
          }
          const { resetAfter } = await admitAt(key, at, limit, 10);
          expect(await admitAt(key, at + resetAfter, limit, 10)).toMatchObject({ admitted: true });
        }),
        { numRuns: 50 },
      );
    });

    it('stands still while the clock goes back a little', async () => {
      const [key, limit] = [newKey(), { limit: 2, window: 1_000 }];
      await admitAt(key, 1_000, limit);
      expect(await admitAt(key, 400, limit)).toMatchObject({ admitted: true, remaining: 0 });
      expect(await admitAt(key, 1_400, limit)).toMatchObject({ admitted: false });
      expect(await admitAt(key, 2_050, limit)).toMatchObject({ admitted: true });
    });

    it('restarts entries that lie in the future after the clock was set far back', async () => {
      const [key, limit] = [newKey(), { limit: 2, window: 1_000 }];
      await admitAt(key, 86_400_000, limit, 2);
      expect(await admitAt(key, 0, limit)).toMatchObject({ admitted: false, retryAfter: 1_050 });
      expect(await admitAt(key, 1_050, limit)).toMatchObject({ admitted: true });
    });

    it('keeps its counts when the limit changes', async () => {
      const key = newKey();
      await admitAt(key, 0, { limit: 10, window: 1_000 }, 9);
      expect(await admitAt(key, 100, { limit: 5, window: 2_000 })).toMatchObject({
        ...{ admitted: false, remaining: 0 },
      });
      expect(await admitAt(key, 100, { limit: 12, window: 2_000 }, 3)).toMatchObject({
        ...{ admitted: true, remaining: 0 },
      });
    });

    it('takes the same memory for a million as for one', async () => {
      const [key, limit] = [newKey(), { limit: 1_000_000_000, window: 1_000 }];
      for (let at = 0; at < 5_000; at += 7) await admitAt(key, at, limit, 1_000_000);
      expect(await redis.strlen(key)).toBeLessThan(150);
    });
  });

  it('uses the clock of Redis, and expires idle keys', async () => {
    const [key, limit] = [newKey(), { limit: 5, window: 1_000 }];
    const window = new SlidingWindow(redis);
    expect(await window.admit(key, limit, 3)).toMatchObject({ admitted: true, remaining: 2, retryAfter: 0 });
    const refused = await window.admit(key, limit, 3);
    expect(refused).toMatchObject({ admitted: false, remaining: 2 });
    expect(refused.retryAfter).toBeGreaterThan(900);
    expect(await redis.pttl(key)).toBeGreaterThan(1_000);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(1_100);
  });

  it('counts each caller of a batched call', async () => {
    const window = new SlidingWindow(redis);
    const [key, other, limit] = [newKey(), newKey(), { limit: 7, window: 10_000 }];
    const asked = [1, 3, 2, 2, 1].map(cost => window.admit(key, limit, cost));
    const answers = await Promise.all([...asked, window.admit(other, limit), window.admit(key, limit)]);
    const left = answers.map(({ admitted, remaining }) => [admitted, remaining]);
    // In their order: what does not fit is refused, and what comes after it can.
    const seen = [
      [true, 6],
      [true, 3],
      [true, 1],
      [false, 1],
      [true, 0],
      [true, 6],
      [false, 0],
    ];
    expect(left).toEqual(seen);
    expect(await window.admit(key, limit)).toMatchObject({ admitted: false, remaining: 0 });
  });

  it('never admits more than the limit to two connections at once', async () => {
    const [key, limit] = [newKey(), { limit: 100, window: 10_000 }];
    const windows = [new SlidingWindow(redis), new SlidingWindow(other)];
    const answers = await Promise.all(
      Array.from({ length: 150 }).flatMap(() => windows.map(window => window.admit(key, limit))),
    );
    expect(answers.filter(({ admitted }) => admitted)).toHaveLength(100);
  });
});
