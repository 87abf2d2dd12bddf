import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { GatewayEnvironment } from '#libs/config';
import { Logger } from '#libs/observability';

/** Injects the `GatewayEnvironment`. */
export const ENVIRONMENT = Symbol('environment');

/** The settings and the logger of the gateway, for every module. */
@Global()
@Module({})
export class SettingsModule {
  static forRoot(environment: GatewayEnvironment, logger: Logger): DynamicModule {
    const providers = [
      { provide: ENVIRONMENT, useValue: environment },
      { provide: Logger, useValue: logger },
    ];
    return { module: SettingsModule, providers, exports: providers };
  }
}
