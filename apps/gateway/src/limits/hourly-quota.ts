import { LRUCache } from 'lru-cache';
import type { QuotaName } from '#libs/config';
import type { LogBudget } from '#libs/event-log';
import { hourlyQuotaKey } from '#libs/players';
import { type RedisClient } from '#libs/redis';
import { SlidingWindow } from './sliding-window.js';

const HOUR_MS = 3_600_000;
/** The part of the limit that a gateway takes from Redis at a time, so that few requests need a call. */
const SHARE = 1 / 1_024;
/** How long an allowance can be spent. Then it is dropped, because it belongs to the hour in which it was taken. */
const ALLOWANCE_MS = 10 * 60_000;
/** Allowances in memory. Beyond that, the least recently used one is dropped, and Redis is asked again. */
const CAPACITY = 20_000;

/** An hourly quota is used up. */
export class HourlyQuotaError extends Error {
  readonly code = 'HOURLY_QUOTA';
  override readonly name = 'HourlyQuotaError';

  constructor(
    /** The name of the quota, as in `QUOTAS`. */
    readonly quota: string,
    readonly limit: number,
    /** Milliseconds until the refused amount fits. */
    readonly retryAfter: number,
  ) {
    super(`${quota} is used up: at most ${limit} in an hour`);
  }
}

/** An amount that a gateway has taken from the count in Redis and not spent yet. */
interface Allowance {
  left: number;
  /** When it is dropped, in milliseconds of `now()`. */
  readonly until: number;
  /** Redis has refused this amount, so it and larger ones are refused before `until`; 0 if none was refused. */
  readonly refused: number;
}

/**
 * A limit on what is spent in any hour by all gateways together. The sum never exceeds the limit, because a gateway takes its
 * allowance from the common count before it spends it. Up to a thousandth of the limit for each gateway can stay unspent.
 */
export class HourlyQuota implements LogBudget {
  private readonly allowances = new LRUCache<string, Allowance>({ max: CAPACITY });
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

  /** @returns 0 if the amount was admitted, else the milliseconds to wait */
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
