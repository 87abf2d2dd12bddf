import 'reflect-metadata';
import { loadGatewayConfig, reachableHost } from '#libs/config';
import { Logger, startMetrics } from '#libs/observability';
import { ping } from '#libs/redis';
import {
  followTopology,
  listenAt,
  notifyParent,
  openLogWithQuorum,
  partsCheck,
  runService,
} from '#libs/service';
import { createGateway } from './gateway.js';

const NAME = 'gateway';

// Signals are left to `runService`, as in every service, and not to Nest's `enableShutdownHooks`: it also ends the process
// when the parent dies or Redis is away, and exits with status 0. Nest's own hooks run when it closes the application.
await runService(async () => {
  const environment = loadGatewayConfig();
  const logger = Logger.create({ name: NAME, level: environment.LOG_LEVEL, json: environment.isProduction });
  startMetrics(NAME);
  if (environment.SERVER_KEYS.length + environment.ADMIN_KEYS.length === 0) {
    logger.warn(
      'no keys: only players can write, and nobody can operate; set SERVER_KEYS and ADMIN_KEYS, or use `npm start`',
    );
  }
  const log = await openLogWithQuorum(environment, NAME, logger);
  const app = await createGateway(environment, log, logger, [partsCheck()]);
  const stopFollowing = followTopology(log.redis, log.topology, logger);
  const close = await listenAt(app, environment.PORT, environment.HOST);
  const { port } = app.getHttpServer().address() as { port: number };
  const url = `http://${reachableHost(environment.HOST)}:${port}`;
  logger.log(`${NAME} is at ${url}`);
  notifyParent(url);
  return {
    logger,
    ping: () => ping(log.redis),
    service: {
      close: async () => {
        stopFollowing();
        await close();
        log.quorum?.close();
        log.redis.disconnect();
      },
    },
  };
}, 'continue');
