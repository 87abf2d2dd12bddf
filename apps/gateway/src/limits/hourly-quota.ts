import type { QuotaName } from '#libs/config';
import type { LogBudget } from '#libs/event-log';
import { hourlyQuotaKey } from '#libs/players';
import { RecentlyUsed, type RedisClient } from '#libs/redis';
import { SlidingWindow } from './sliding-window.js';

const HOUR_MS = 3_600_000;
/** Of what may be spent in an hour, this part is taken from Redis at once, so that few requests have to ask. */
const SHARE = 1 / 1_024;
/** Milliseconds after which what was taken and not spent is dropped: it counts for the hour in which it was taken. */
const ALLOWANCE_MS = 10 * 60_000;
/** Spenders that are remembered; beyond, the oldest is forgotten, and Redis is asked again. */
const CAPACITY = 20_000;

/** More in an hour than may be. */
export class HourlyQuotaError extends Error {
  readonly code = 'HOURLY_QUOTA';
  override readonly name = 'HourlyQuotaError';

  constructor(
    /** As `QUOTAS` names it. */
    readonly quota: string,
    readonly limit: number,
    /** Milliseconds until what was refused fits. */
    readonly retryAfter: number,
  ) {
    super(`more than ${limit} in an hour, which ${quota} is`);
  }
}

/** What was taken from Redis and is not spent, or that there is nothing to take. */
interface Allowance {
  left: number;
  /** Milliseconds of the clock. */
  readonly until: number;
  /** What did not fit, until when; 0 when the last one did. */
  readonly refused: number;
}

/**
 * Something that may be spent up to a limit in any hour, by all gateways together. Never is more spent: what is kept
 * here was taken from the common count before. Some of it can be left unspent, a thousandth of the limit a gateway.
 */
export class HourlyQuota implements LogBudget {
  private readonly allowances = new RecentlyUsed<Allowance>(CAPACITY);
  private readonly window: SlidingWindow;

  /** @param now milliseconds of a clock that never goes back */
  constructor(
    redis: RedisClient,
    private readonly prefix: string,
    private readonly quota: QuotaName,
    private readonly limit: number,
    private readonly now = () => performance.now(),
  ) {
    this.window = new SlidingWindow(redis);
  }

  /** @throws HourlyQuotaError */
  spend(id: string, amount: number): Promise<void> | void {
    const allowance = this.find(id);
    if (allowance && allowance.left >= amount) {
      allowance.left -= amount;
      return;
    }
    if (allowance && allowance.refused > 0 && amount >= allowance.refused)
      throw new HourlyQuotaError(this.quota, this.limit, allowance.until - this.now());
    return this.take(id, amount);
  }

  giveBack(id: string, amount: number): void {
    const allowance = this.find(id);
    if (allowance) allowance.left += amount;
    else this.allowances.set(id, { left: amount, until: this.now() + ALLOWANCE_MS, refused: 0 });
  }

  private async take(id: string, amount: number): Promise<void> {
    if (amount > this.limit) throw new HourlyQuotaError(this.quota, this.limit, HOUR_MS);
    const more = Math.floor(this.limit * SHARE);
    if (more > amount && (await this.admit(id, more)) === 0) return this.add(id, more - amount);
    const wait = await this.admit(id, amount);
    if (wait === 0) return;
    this.allowances.set(id, { left: this.find(id)?.left ?? 0, until: this.now() + wait, refused: amount });
    throw new HourlyQuotaError(this.quota, this.limit, wait);
  }

  private add(id: string, amount: number): void {
    const left = (this.find(id)?.left ?? 0) + amount;
    this.allowances.set(id, { left, until: this.now() + ALLOWANCE_MS, refused: 0 });
  }

  /** @returns 0, or milliseconds to wait */
  private async admit(id: string, amount: number): Promise<number> {
    const limit = { limit: this.limit, window: HOUR_MS };
    const key = hourlyQuotaKey(this.prefix, this.quota, id);
    const { admitted, retryAfter } = await this.window.admit(key, limit, amount);
    return admitted ? 0 : Math.max(1, retryAfter);
  }

  private find(id: string): Allowance | undefined {
    const allowance = this.allowances.get(id);
    if (!allowance || this.now() < allowance.until) return allowance;
    this.allowances.delete(id);
    return undefined;
  }
}
