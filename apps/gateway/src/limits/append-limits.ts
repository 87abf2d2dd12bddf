import type { GatewayEnvironment } from '#libs/config';
import type { AppendLimits } from '#libs/event-log';
import type { OpenLog } from '#libs/service';
import { HourlyQuota } from './hourly-quota.js';

/** The limits in `QUOTAS` that apply to events appended by players. */
export function appendLimits({ quotas }: GatewayEnvironment, { redis, topology }: OpenLog): AppendLimits {
  const bytes = quotas.get('player.bytesPerHour');
  return {
    slots: quotas.get('player.slots'),
    saveBytes: quotas.get('player.saveBytes'),
    ...(bytes !== undefined && {
      budget: new HourlyQuota(redis, topology.prefix, 'player.bytesPerHour', bytes),
    }),
  };
}
