import { jest } from '@jest/globals';
import { openTestLog, type TestLog } from '#libs/testing';
import { HourlyQuota, HourlyQuotaError } from './hourly-quota.js';

describe('an hourly quota', () => {
  let test: TestLog;
  let ids = 0;
  let id: string;
  const open = (limit: number, now?: () => number) =>
    new HourlyQuota(test.redis, test.prefix, 'player.bytesPerHour', limit, now);
  const spend = async (quota: HourlyQuota, amount: number) => quota.spend(id, amount);

  beforeAll(async () => {
    test = await openTestLog();
  });
  beforeEach(() => {
    id = `spender-${ids++}`;
  });
  afterAll(() => test.close());

  it('is never exceeded by concurrent gateways', async () => {
    const limit = 100_000;
    const gateways = Array.from({ length: 4 }, () => open(limit));
    let spent = 0;
    await Promise.all(
      gateways.flatMap(quota =>
        Array.from({ length: 60 }, async () => {
          try {
            await spend(quota, 700);
            spent += 700;
          } catch (error) {
            expect(error).toBeInstanceOf(HourlyQuotaError);
          }
        }),
      ),
    );
    expect(spent).toBeLessThanOrEqual(limit);
    // What gateways have taken and not spent.
    expect(spent).toBeGreaterThan(limit - 4 * 700 - 700);
  });

  it('needs few calls to Redis for many small amounts', async () => {
    const quota = open(1_000_000);
    // Other tests may use the same server, so its own statistics would count theirs.
    const calls = jest.spyOn(test.redis, 'evalsha');
    for (let i = 0; i < 900; i++) await spend(quota, 10);
    expect(calls.mock.calls.length).toBeGreaterThan(0);
    expect(calls.mock.calls.length).toBeLessThan(50);
    calls.mockRestore();
  });

  it('tells when more is available, and does not ask Redis before', async () => {
    let now = 0;
    const quota = open(1_000, () => now);
    await spend(quota, 1_000);
    const error = await spend(quota, 10).catch(reason => reason);
    expect(error).toBeInstanceOf(HourlyQuotaError);
    expect(error.retryAfter).toBeGreaterThan(3_500_000);
    await test.redis.unlink(`${test.prefix}:limit:quota:player.bytesPerHour:${id}`);
    await expect(spend(quota, 10)).rejects.toBeInstanceOf(HourlyQuotaError);
    now = 4_000_000;
    await spend(quota, 10);
  });

  it('takes back what was not spent', async () => {
    const quota = open(1_000);
    await spend(quota, 1_000);
    quota.giveBack(id, 600);
    await spend(quota, 600);
    await expect(spend(quota, 1)).rejects.toBeInstanceOf(HourlyQuotaError);
  });

  it('refuses an amount above the limit without a call', async () => {
    await expect(spend(open(1_000), 1_001)).rejects.toMatchObject({ retryAfter: 3_600_000 });
  });
});
