import { Module } from '@nestjs/common';
import { Topology } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { REDIS } from '#libs/service';
import { LimitsModule } from '../limits/limits.module.js';
import { fromSettings, onLog } from '../providers.js';
import { Authenticator } from './authenticator.js';
import { Credentials } from './credentials.js';
import { GuestKeys } from './guest-keys.js';
import { KeyRing } from './key-ring.js';
import { LoginLimit } from './login-limit.js';
import { PlayerSessionsController } from './player-sessions.controller.js';
import { Revocation } from './revocation.js';
import { SessionsController } from './sessions.controller.js';
import { Sessions } from './sessions.js';
import { TransferCodes } from './transfer-codes.js';

/** Keys, sessions, and the secrets that open sessions. */
@Module({
  imports: [LimitsModule],
  controllers: [SessionsController, PlayerSessionsController],
  providers: [
    fromSettings(KeyRing, ({ SERVER_KEYS, ADMIN_KEYS }) => new KeyRing(SERVER_KEYS, ADMIN_KEYS)),
    onLog(Sessions),
    onLog(Credentials),
    onLog(GuestKeys),
    onLog(LoginLimit),
    onLog(TransferCodes),
    {
      provide: Revocation,
      inject: [REDIS, Topology, Credentials, Sessions],
      useFactory: (redis: RedisClient, topology: Topology, credentials: Credentials, sessions: Sessions) =>
        new Revocation(redis, topology, credentials, sessions),
    },
    Authenticator,
  ],
  exports: [Authenticator, Credentials, Sessions],
})
export class AuthModule {}
