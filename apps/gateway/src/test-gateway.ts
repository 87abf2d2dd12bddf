import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadGatewayConfig } from '#libs/config';
import { Logger } from '#libs/observability';
import type { OpenLog } from '#libs/service';
import { createGateway } from './gateway.js';

/** A gateway for tests, on a log of theirs: it says nothing, and listens only when it is told to. */
export function openTestGateway(
  log: OpenLog,
  environment: Readonly<Record<string, string>> = {},
): Promise<NestFastifyApplication> {
  const logger = Logger.create({ name: 'gateway', level: 'silent', json: true });
  return createGateway(loadGatewayConfig({ NODE_ENV: 'test', ...environment }), log, logger);
}
