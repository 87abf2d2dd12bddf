import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadWorkerConfig, reachableHost, type WorkerEnvironment } from '#libs/config';
import { addHealthRoutes, Health, HealthFault, Logger, startMetrics } from '#libs/observability';
import { ping } from '#libs/redis';
import { RethrowFilter, StreamsServer } from '#libs/streams-transport';
import { limitConnections } from './connections.js';
import { followTopology } from './follow-topology.js';
import { isPortInUse, listenAt } from './listen.js';
import { LogModule } from './log.module.js';
import { settingsChecks } from './log-checks.js';
import { LogWatch } from './log-watch.js';
import { openLog } from './open-log.js';
import { notifyParent } from './parent.js';
import { redisCheck } from './redis-checks.js';
import { runService } from './run-service.js';

export interface WorkerOptions {
  /** The name of the app and of its consumer group. */
  readonly name: string;
  readonly module: Type;
  /** Default of HEALTH_PORT. */
  readonly healthPort: number;
  /** Default of BATCH_SIZE. */
  readonly batchSize: number;
  /** Opens the log and prepares what the worker needs there. Default: `openLog`. */
  readonly open?: typeof openLog;
}

/** A worker begins to read within this time after the start. Until then, a failing check is not logged. */
const QUIET_START_MS = 5_000;

@Module({})
class WorkerModule {}

/** Runs a worker app: a microservice on the streams transport with an HTTP server for health and metrics. */
export function runWorker({
  name,
  module,
  healthPort,
  batchSize,
  open = openLog,
}: WorkerOptions): Promise<void> {
  return runService(async () => {
    const environment = loadWorkerConfig();
    const logger = Logger.create({ name, level: environment.LOG_LEVEL, json: environment.isProduction });
    startMetrics(name);
    const log = await open(environment, name, logger, { sendsScriptsAtOnce: true });
    const server = new StreamsServer(log.redis, log.topology, {
      group: name,
      consumer: environment.CONSUMER_NAME ?? `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`,
      batchSize: environment.BATCH_SIZE ?? batchSize,
      claimIdleMs: environment.CLAIM_IDLE_MS,
      maxDeliveries: environment.MAX_DELIVERIES,
    });
    const root = { module: WorkerModule, imports: [LogModule.forRoot(log), module] };
    const app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { logger });
    limitConnections(app.getHttpAdapter().getInstance());
    const health = new Health(
      [
        redisCheck(log.redis, log.topology, 'writes'),
        ...settingsChecks(log.redis),
        {
          name: 'groups',
          severity: 'not ready',
          reason: 'not-reading',
          quietStartMs: QUIET_START_MS,
          probe: async () => assertReading(server),
        },
        new LogWatch(log.redis, log.topology, logger).check,
      ],
      logger,
    );
    addHealthRoutes(app.getHttpAdapter().getInstance(), health);
    app
      .connectMicroservice({ strategy: server }, { deferInitialization: true })
      .useGlobalFilters(new RethrowFilter());
    await app.startAllMicroservices();
    const stopFollowing = followTopology(log.redis, log.topology, logger);
    const close = await listen(app, environment, healthPort, logger);
    const { port } = app.getHttpServer().address() as { port: number };
    const url = `http://${reachableHost(environment.HOST)}:${port}`;
    logger.log(`${name} is working; its health is at ${url}/readyz`);
    notifyParent(url);
    return {
      logger,
      ping: () => ping(log.redis),
      service: {
        close: async () => {
          stopFollowing();
          await close();
          log.redis.disconnect();
        },
      },
    };
  });
}

/** @throws HealthFault `degraded` when only some partitions are not being read, otherwise `not ready` */
function assertReading(server: StreamsServer): void {
  try {
    server.assertReading();
  } catch (error) {
    const severity = server.isReadingSome ? 'degraded' : 'not ready';
    throw new HealthFault(severity, 'not-reading', (error as Error).message);
  }
}

/** Listens on HEALTH_PORT, or on the default port. A second worker on the same machine gets a free port. */
async function listen(
  app: NestFastifyApplication,
  { HOST, HEALTH_PORT }: WorkerEnvironment,
  usual: number,
  logger: Logger,
): Promise<() => Promise<void>> {
  if (HEALTH_PORT !== undefined) return listenAt(app, HEALTH_PORT, HOST);
  // Checked first, because Nest logs an error itself when it cannot listen.
  if (!(await isPortInUse(usual, HOST))) return listenAt(app, usual, HOST);
  logger.log(`port ${usual} is in use, so the health routes get a free port: set HEALTH_PORT to choose one`);
  return listenAt(app, 0, HOST);
}
