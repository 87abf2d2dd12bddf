import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

/** Bytes in a request's body, at most, where the route does not say otherwise. */
export const BODY_LIMIT = 256 * 1024;

export const MERGE_PATCH = 'application/merge-patch+json';

/** What a route says of its body. */
interface BodyConfig {
  readonly textBody?: boolean;
  readonly mergePatch?: boolean;
  /** Bytes. */
  readonly bodyLimit?: number;
}

/** Marks a route that takes its body as text, to keep it as it was sent. */
export const TEXT_BODY = { textBody: true } as const satisfies BodyConfig;

/** Marks a route that takes a merge patch (RFC 7396), under that type or as plain JSON. */
export const mergePatchBody = (bodyLimit: number) => ({ mergePatch: true, bodyLimit }) satisfies BodyConfig;

/** Marks a route that takes larger bodies. */
export const LARGE_BODY = { bodyLimit: 1024 * 1024 } as const satisfies BodyConfig;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Makes JSON the only thing that is read: no form can post across sites. Call it before routes are added.
 */
export function readJsonBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', route => {
    const { bodyLimit } = (route.config ?? {}) as BodyConfig;
    if (bodyLimit !== undefined) route.bodyLimit = bodyLimit;
  });
  const parseSafely = fastify.getDefaultJsonParser('error', 'error');
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(
    ['application/json', MERGE_PATCH],
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
    (request: FastifyRequest, body: Buffer, done) => {
      const { textBody, mergePatch } = request.routeOptions.config as BodyConfig;
      const text = decode(body);
      if (!mergePatch && isMergePatch(request))
        done(new Problem(415, { detail: `${MERGE_PATCH} is not taken here` }));
      else if (text === undefined) done(new Problem(400, { detail: 'the body is not valid UTF-8' }));
      else if (textBody) done(null, text);
      // Clients name the type of a body that they do not send; a route that needs one says what is missing.
      else if (text === '') done(null, undefined);
      else void parseSafely(request, text, done);
    },
  );
}

/** Types are compared as Fastify does it: in any case, with any parameters. */
function isMergePatch({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.toLowerCase().startsWith(MERGE_PATCH) ?? false;
}

function decode(body: Buffer): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}
