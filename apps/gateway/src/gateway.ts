import { VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TimeoutError } from 'rxjs';
import type { GatewayEnvironment } from '#libs/config';
import { groupsOf } from '#libs/maintenance';
import { addHealthRoutes, Health, type HealthCheck, type Logger } from '#libs/observability';
import {
  Connections,
  LogStatusCache,
  LogWatch,
  limitConnections,
  logChecks,
  type OpenLog,
  redisCheck,
  settingsChecks,
} from '#libs/service';
import { decideCookies } from './auth/session-cookie.js';
import { withoutTrailingSlash } from './cache-quest/trailing-slash.js';
import { serveFiles } from './files.js';
import { GatewayModule } from './gateway.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import { AllowedOrigins } from './http/server/allowed-origins.js';
import { decodeBodies } from './http/server/body-encoding.js';
import { allowOrigins, setSecurityHeaders } from './http/server/browser-rules.js';
import { answerClientErrors, answerMalformedRequests } from './http/server/client-errors.js';
import { limitAnsweringTime } from './http/server/deadline.js';
import { dropEmptyHeaders } from './http/server/empty-headers.js';
import { BODY_LIMIT_BYTES, readJsonBodies, refuseOtherBodies } from './http/server/json-body.js';
import { limitSendingTime, readStreamedBodies } from './http/server/streamed-body.js';
import { answerUnrouted, MAX_SEGMENT_CHARACTERS } from './http/server/unrouted.js';
import { serveOpenApi } from './openapi.js';

/** How long a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How long a client may take to send the URL and headers. Node checks this three times in that period. */
const HEADERS_TIMEOUT_MS = 15_000;

/** The gateway, initialised but not listening. @param furtherChecks for `/readyz` */
export async function createGateway(
  environment: GatewayEnvironment,
  log: OpenLog,
  logger: Logger,
  furtherChecks: readonly HealthCheck[] = [],
): Promise<NestFastifyApplication> {
  const problems = new ProblemFilter(logger);
  const connections = new Connections();
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    trustProxy: [...environment.TRUST_PROXY],
    routerOptions: { maxParamLength: MAX_SEGMENT_CHARACTERS },
    forceCloseConnections: 'idle',
    rewriteUrl: withoutTrailingSlash,
    // The gateway has no middleware.
    skipMiddie: true,
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: HEADERS_TIMEOUT_MS / 3,
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientErrors(connections),
    // Fastify runs no hooks before this, so the security header is set here.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      problems.send(error, request, reply.header('X-Content-Type-Options', 'nosniff')),
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    GatewayModule.forRoot(environment, log, logger),
    adapter,
    { logger, bodyParser: false },
  );
  // Routes without a version, such as those of Cache Quest, have no prefix.
  app.enableVersioning({ type: VersioningType.URI });
  const fastify = app.getHttpAdapter().getInstance();
  limitConnections(fastify, connections);
  setSecurityHeaders(fastify, {
    ancestors: environment.FRAME_ANCESTORS,
    isIsolated: environment.CROSS_ORIGIN_ISOLATION === 'on',
  });
  dropEmptyHeaders(fastify);
  answerUnrouted(fastify);
  const origins = new AllowedOrigins(environment.CORS_ORIGINS, environment.allowsLocalhost);
  decideCookies(fastify, environment.COOKIE_SAMESITE === 'none' ? origins : undefined);
  allowOrigins(app, origins);
  answerMalformedRequests(fastify, connections);
  decodeBodies(fastify);
  readJsonBodies(fastify);
  readStreamedBodies(fastify);
  refuseOtherBodies(fastify);
  limitSendingTime(fastify, REQUEST_TIMEOUT_MS);
  limitAnsweringTime(fastify, (request, reply) => problems.send(new TimeoutError(), request, reply));
  addHealthRoutes(fastify, new Health([...checksOf(log, logger), ...furtherChecks], logger));
  serveOpenApi(app);
  serveFiles(fastify, environment.PUBLIC_DIR, environment.FRAME_ANCESTORS);
  await app.init();
  return app;
}

/** The checks of `/readyz`. */
function checksOf({ redis, topology }: OpenLog, logger: Logger): HealthCheck[] {
  const figures = new LogStatusCache(redis, topology, {
    scores: groupsOf('scores'),
    players: groupsOf('players'),
  });
  return [
    redisCheck(redis, topology, 'reads'),
    new LogWatch(redis, topology, logger).check,
    ...logChecks(figures, redis),
    ...settingsChecks(redis),
  ];
}
