import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** Seconds that a browser keeps in mind what may be asked from another origin. */
const PREFLIGHT_AGE = 24 * 60 * 60;
/** Seconds that a browser keeps to TLS once it has come by it. */
const TLS_AGE = 365 * 24 * 60 * 60;

/** What clients send besides the headers that every origin may. */
const SENT = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Applied', 'If-Match', 'If-None-Match'],
  ...['Last-Event-ID', 'Prefer', 'traceparent'],
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

/**
 * Tells browsers what not to do with any answer: load scripts or styles from elsewhere, guess types, show pages of
 * ours in frames of others. What the headers say is worked out once.
 */
export function setSecurityHeaders(app: NestFastifyApplication): void {
  app.useSecurityHeaders({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        ...{ defaultSrc: "'self'", imgSrc: ["'self'", 'data:'], objectSrc: "'none'" },
        ...{ baseUri: "'self'", formAction: "'self'", frameAncestors: "'self'" },
      },
    },
    // By the connection, below: over plain HTTP it means nothing.
    strictTransportSecurity: false,
  });
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, { raw }, done) => {
    // Fastify knows of TLS by the connection, or by `X-Forwarded-Proto` where `TRUST_PROXY` says so.
    if (request.protocol === 'https') raw.setHeader('Strict-Transport-Security', `max-age=${TLS_AGE}`);
    if (request.url.startsWith(DOCS)) raw.setHeader('Content-Security-Policy', DOCS_POLICY);
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
    maxAge: PREFLIGHT_AGE,
    // Any OPTIONS is answered so; a refusal would only be another form of error.
    strictPreflight: false,
  });
}
