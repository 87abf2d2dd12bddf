import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A request that `@fastify/cors` has marked as a preflight. */
type PreflightRequest = FastifyRequest & { readonly corsPreflightEnabled?: boolean };

/** How long browsers cache a preflight. */
const PREFLIGHT_MAX_AGE_S = 24 * 60 * 60;
/** How long browsers insist on TLS after a visit with TLS. */
const HSTS_MAX_AGE_S = 365 * 24 * 60 * 60;

/** Request headers that pages of other origins may send. */
const SENT = [
  ...['Authorization', 'Content-Encoding', 'Content-Type', 'Idempotency-Key', 'If-Applied', 'If-Match'],
  ...['If-None-Match', 'If-Unmodified-Since', 'Last-Event-ID', 'Prefer', 'traceparent'],
];

/** Response headers that pages of other origins may read. */
const READ = [
  ...['Date', 'ETag', 'Idempotency-Replayed', 'Location', 'Preference-Applied', 'Retry-After'],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
];

/**
 * The path of Swagger UI. Its page has a `style` element, and its bundle sets styles and embeds images. Its scripts are served by
 * the gateway.
 */
const DOCS = '/docs';
const DOCS_POLICY = "default-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:";

/** Headers of every response. Fastify stores names in lower case, so these need no conversion for each request. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self';img-src 'self' data:;object-src 'none';base-uri 'self';form-action 'self';frame-ancestors 'self'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
};

/**
 * Sets the security headers of every response: no scripts or styles from elsewhere, no type sniffing, no framing by other sites.
 */
export function setSecurityHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(HEADERS);
    // Fastify detects TLS by the connection, or by `X-Forwarded-Proto` from a proxy in `TRUST_PROXY`.
    if (request.protocol === 'https') reply.header('strict-transport-security', `max-age=${HSTS_MAX_AGE_S}`);
    if (request.url.startsWith(DOCS)) reply.header('content-security-policy', DOCS_POLICY);
    done();
  });
}

/**
 * Enables CORS. Without it, browsers block pages of other origins.
 *
 * @param origins such as `https://game.example`, whose pages send cookies, too; or `*` alone, without cookies
 */
export function allowOrigins(app: NestFastifyApplication, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const isAny = origins.includes('*');
  app.enableCors({
    origin: isAny ? '*' : [...origins],
    credentials: !isAny,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: SENT,
    exposedHeaders: READ,
    maxAge: PREFLIGHT_MAX_AGE_S,
    // Every preflight gets the same answer. Refusing one would only be another form of error.
    strictPreflight: false,
    // Nest adds this hook before ours, and it must not answer an OPTIONS that is no preflight.
    preflightContinue: true,
  });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request: PreflightRequest, reply: FastifyReply, done: () => void) => {
      if (request.method !== 'OPTIONS' || request.corsPreflightEnabled !== true) done();
      // Without a Content-Length some browsers wait for a body.
      else void reply.status(204).header('Content-Length', '0').send();
    });
}
