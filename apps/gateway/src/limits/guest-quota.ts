import type { Topology } from '#libs/event-log';
import type { Actor } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { siteOf } from './address.js';
import { HourlyQuota } from './hourly-quota.js';

/** Lets an address make so many guests in an hour. Keys may make any number. */
export class GuestQuota {
  private readonly quota: HourlyQuota | undefined;

  constructor(redis: RedisClient, { prefix }: Topology, limit: number | undefined) {
    if (limit !== undefined) this.quota = new HourlyQuota(redis, prefix, 'address.guestsPerHour', limit);
  }

  /** @throws HourlyQuotaError when one more would be too many */
  async count(caller: Actor | undefined, address: string): Promise<void> {
    if (caller?.kind === 'server' || caller?.kind === 'admin') return;
    await this.quota?.spend(siteOf(address), 1);
  }
}
