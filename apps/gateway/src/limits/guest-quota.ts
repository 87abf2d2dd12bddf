import type { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import type { CallerRequest } from '../auth/caller.guard.js';
import { addressOf, siteOf } from './address.js';
import { HourlyQuota } from './hourly-quota.js';

/** Lets an address make so many guests in an hour. Keys may make any number. */
export class GuestQuota {
  private readonly quota: HourlyQuota | undefined;

  constructor(redis: RedisClient, { prefix }: Topology, limit: number | undefined) {
    if (limit !== undefined) this.quota = new HourlyQuota(redis, prefix, 'address.guestsPerHour', limit);
  }

  /** @throws HourlyQuotaError when one more would be too many */
  async count(request: CallerRequest): Promise<void> {
    const { caller } = request;
    if (caller?.kind === 'server' || caller?.kind === 'admin') return;
    await this.quota?.spend(siteOf(addressOf(request)), 1);
  }
}
