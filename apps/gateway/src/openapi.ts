import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { SESSION_COOKIE } from './auth/session-cookie.js';

const DESCRIPTION = `Leaderboards and player saves on an event log.

A write is answered with **202** as soon as its event is durable; the projections follow within milliseconds.
To see it applied, send \`Prefer: wait=5\` with the write, or its \`eventId\` as \`If-Applied\` with the next read.
Errors are problem details (RFC 9457). \`RateLimit-*\` headers say what is left of the caller's limit; over it, the
answer is 429 with \`Retry-After\`.`;

/** What the page of Swagger UI loads. Its package holds more: sources, sizes, its package.json. */
const UI_FILES = [
  '',
  'index.html',
  'swagger-ui-init.js',
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'swagger-ui-standalone-preset.js',
  'favicon-16x16.png',
  'favicon-32x32.png',
];
const UI_PATHS = new Set(UI_FILES.map(file => `/docs/${file}`));

/** Without the version, which Nest would add: generated clients name their methods by it. */
const operationIdFactory = (controller: string, method: string) => `${controller}_${method}`;

/** Serves `/openapi.json`, and Swagger UI at `/docs`. */
export function serveOpenApi(app: NestFastifyApplication): void {
  // Nest serves the whole folder of the package. Another spelling of a file's name is not compared: it is refused.
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', ({ url }, reply, done) => {
      if (url.startsWith('/docs/') && !UI_PATHS.has(url.split('?', 1)[0] as string)) reply.callNotFound();
      else done();
    });
  const config = new DocumentBuilder()
    .setTitle('Questlog')
    .setVersion('1')
    .setDescription(DESCRIPTION)
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: "A server or an admin key, or the token of a player's session.",
    })
    .addCookieAuth(SESSION_COOKIE, {
      type: 'apiKey',
      in: 'cookie',
      description: 'The same token, as `POST /v1/sessions` sets it.',
    })
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config, { operationIdFactory }), {
    jsonDocumentUrl: 'openapi.json',
    yamlDocumentUrl: 'openapi.yaml',
    customSiteTitle: 'Questlog API',
  });
}
