import type { Topology } from '#libs/event-log';
import type { Actor } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { siteOf } from './address.js';
import { HourlyQuota } from './hourly-quota.js';

/** Limits the guests that an address creates in an hour. Keys can create any number. */
export class GuestQuota {
  private readonly quota: HourlyQuota | undefined;

  constructor(redis: RedisClient, { prefix }: Topology, limit: number | undefined) {
    if (limit !== undefined) this.quota = new HourlyQuota(redis, prefix, 'address.guestsPerHour', limit);
  }

  /** @throws HourlyQuotaError when the address has used up its quota */
  async count(caller: Actor | undefined, address: string): Promise<void> {
    if (caller?.kind === 'server' || caller?.kind === 'admin') return;
    await this.quota?.spend(siteOf(address), 1);
  }
}
