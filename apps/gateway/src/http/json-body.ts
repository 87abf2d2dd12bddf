import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** Bytes in a request's body, at most. */
export const BODY_LIMIT = 256 * 1024;

/** Marks a route that takes its body as text, to keep it as it was sent. */
export const TEXT_BODY = { textBody: true } as const;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Makes `application/json` the only thing that is read: no form can post across sites. */
export function readJsonBodies(fastify: FastifyInstance): void {
  const parseSafely = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
    (request: FastifyRequest, body: Buffer, done) => {
      const text = decode(body);
      if (text === undefined) done(new Problem(400, { detail: 'the body is not valid UTF-8' }));
      else if ((request.routeOptions.config as Partial<typeof TEXT_BODY>).textBody) done(null, text);
      // Clients name the type of a body that they do not send; a route that needs one says what is missing.
      else if (text === '') done(null, undefined);
      else void parseSafely(request, text, done);
    },
  );
}

function decode(body: Buffer): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}
