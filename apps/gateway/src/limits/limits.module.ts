import { Module } from '@nestjs/common';
import { withLimit } from '../providers.js';
import { BulkGate } from './bulk-gate.js';
import { GuestQuota } from './guest-quota.js';

/** Limits that handlers ask for themselves. The rate limit is a guard of every route: see `GuardsModule`. */
@Module({
  providers: [
    { provide: BulkGate, useFactory: () => new BulkGate() },
    withLimit(GuestQuota, ({ quotas }) => quotas.get('address.guestsPerHour')),
  ],
  exports: [BulkGate, GuestQuota],
})
export class LimitsModule {}
