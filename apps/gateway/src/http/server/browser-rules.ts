import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** `@fastify/cors` marks what it would answer. */
type PreflightRequest = FastifyRequest & { readonly corsPreflightEnabled?: boolean };

/** Seconds that a browser keeps in mind what may be asked from another origin. */
const PREFLIGHT_MAX_AGE_S = 24 * 60 * 60;
/** Seconds that a browser keeps to TLS once it has come by it. */
const HSTS_MAX_AGE_S = 365 * 24 * 60 * 60;

/** What clients send besides the headers that every origin may. */
const SENT = [
  ...['Authorization', 'Content-Encoding', 'Content-Type', 'Idempotency-Key', 'If-Applied', 'If-Match'],
  ...['If-None-Match', 'If-Unmodified-Since', 'Last-Event-ID', 'Prefer', 'traceparent'],
];

/** What clients of other origins can read besides the body. */
const READ = [
  ...['ETag', 'Idempotency-Replayed', 'Location', 'Preference-Applied', 'Retry-After'],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
];

/**
 * Where Swagger UI is. Its page has a `style` element, and its bundle sets styles and embeds images; its scripts come
 * from here.
 */
const DOCS = '/docs';
const DOCS_POLICY = "default-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:";

/** Of every answer. Names in small letters, as Fastify keeps them: there is nothing left to do for each request. */
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
 * Tells browsers what not to do with any answer: load scripts or styles from elsewhere, guess types, show pages of
 * ours in frames of others.
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
 * Lets pages of other origins call. Without this, browsers let only our own.
 *
 * @param origins such as `https://game.example`, with whose pages cookies come, too; or `*` alone, without cookies
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
    // Any OPTIONS of a page is answered so; a refusal would only be another form of error.
    strictPreflight: false,
    // Nest's hook comes before all of ours: what is no page's question is not for it to answer.
    preflightContinue: true,
  });
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request: PreflightRequest, reply: FastifyReply, done: () => void) => {
      if (request.method !== 'OPTIONS' || request.corsPreflightEnabled !== true) done();
      // Some browsers wait for a body where its length is not told.
      else void reply.status(204).header('Content-Length', '0').send();
    });
}
