import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AllowedOrigins } from './allowed-origins.js';

/** A request that `@fastify/cors` has marked as a preflight. */
type PreflightRequest = FastifyRequest & { readonly corsPreflightEnabled?: boolean };

/** How long browsers cache a preflight. */
const PREFLIGHT_MAX_AGE_S = 24 * 60 * 60;
/** How long browsers insist on TLS after a visit with TLS. */
const HSTS_MAX_AGE_S = 365 * 24 * 60 * 60;

/** Request headers that pages of other origins may send. */
const SENT = [
  ...['Authorization', 'Content-Encoding', 'Content-Type', 'Idempotency-Key', 'If-Applied', 'If-Match'],
  ...['If-None-Match', 'If-Unmodified-Since', 'Last-Event-ID', 'Prefer', 'Save-Meta', 'traceparent'],
];

/** Response headers that pages of other origins may read. */
const READ = [
  ...[
    'Date',
    'ETag',
    'Idempotency-Replayed',
    'Last-Modified',
    'Location',
    'Preference-Applied',
    'Retry-After',
  ],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'],
];

/**
 * The path of Swagger UI. Its page has a `style` element, and its bundle sets styles and embeds images. Its scripts are served by
 * the gateway.
 */
const DOCS = '/docs';
const DOCS_POLICY =
  "default-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:;frame-ancestors 'self'";

function policyWith(ancestors: string): string {
  return `default-src 'self';img-src 'self' data:;object-src 'none';base-uri 'self';form-action 'self';frame-ancestors ${ancestors}`;
}

export interface FramingRules {
  /** What may frame the pages, as in a Content-Security-Policy; empty for the own pages. */
  readonly ancestors: readonly string[];
  /** Whether pages are isolated from other origins, as shared memory needs it. */
  readonly isIsolated: boolean;
}

/** Headers of every response. Fastify stores names in lower case, so these need no conversion for each request. */
const HEADERS = {
  'content-security-policy': policyWith("'self'"),
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
export function setSecurityHeaders(fastify: FastifyInstance, framing: FramingRules): void {
  const headers = headersWith(framing);
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(headers);
    // Fastify detects TLS by the connection, or by `X-Forwarded-Proto` from a proxy in `TRUST_PROXY`.
    if (request.protocol === 'https') reply.header('strict-transport-security', `max-age=${HSTS_MAX_AGE_S}`);
    if (request.url.startsWith(DOCS)) reply.header('content-security-policy', DOCS_POLICY);
    done();
  });
}

function headersWith({ ancestors, isIsolated }: FramingRules): Record<string, string> {
  const isolation = { ...(isIsolated && { 'cross-origin-embedder-policy': 'require-corp' }) };
  if (ancestors.length === 0) return { ...HEADERS, ...isolation };
  // X-Frame-Options cannot name origins, and browsers that know frame-ancestors ignore it.
  const { 'x-frame-options': _, ...others } = HEADERS;
  return { ...others, ...isolation, 'content-security-policy': policyWith(ancestors.join(' ')) };
}

/** Whether pages of other origins may frame the game. */
export const isFramedByOthers = (ancestors: readonly string[]): boolean =>
  ancestors.some(name => name !== "'self'" && name !== "'none'");

/**
 * Enables CORS. Without it, browsers block pages of other origins.
 *
 * @param origins whose pages send cookies, too; or `*`, without cookies
 */
export function allowOrigins(app: NestFastifyApplication, origins: AllowedOrigins): void {
  if (origins.isEmpty) return;
  app.enableCors({
    origin: origins.isAny ? '*' : origins.patterns,
    credentials: !origins.isAny,
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
