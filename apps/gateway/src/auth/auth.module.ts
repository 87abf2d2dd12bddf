import { Module } from '@nestjs/common';
import { LimitsModule } from '../limits/limits.module.js';
import { fromSettings, onLog } from '../providers.js';
import { Authenticator } from './authenticator.js';
import { Credentials } from './credentials.js';
import { GuestKeys } from './guest-keys.js';
import { KeyRing } from './key-ring.js';
import { LoginLimit } from './login-limit.js';
import { SessionsController } from './sessions.controller.js';
import { Sessions } from './sessions.js';

/** Keys, sessions, and the secrets that open sessions. */
@Module({
  imports: [LimitsModule],
  controllers: [SessionsController],
  providers: [
    fromSettings(KeyRing, ({ SERVER_KEYS, ADMIN_KEYS }) => new KeyRing(SERVER_KEYS, ADMIN_KEYS)),
    onLog(Sessions),
    onLog(Credentials),
    onLog(GuestKeys),
    onLog(LoginLimit),
    Authenticator,
  ],
  exports: [Authenticator, Credentials, Sessions],
})
export class AuthModule {}
