import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest, Problem } from './problem.js';

/** Bytes in a request's body, at most, where the route does not say otherwise. */
export const BODY_LIMIT = 256 * 1024;

/** Levels of nesting in a body, or in a document, at most: whatever walks through it then has room on the stack. */
export const MAX_DEPTH = 64;

const JSON_TYPE = 'application/json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';

/** What a route says of its body. */
interface BodyConfig {
  readonly textBody?: boolean;
  /** Media types that are taken; plain JSON when nothing is said. */
  readonly takes?: readonly string[];
  /** Bytes. */
  readonly bodyLimit?: number;
}

/** Marks a route that takes its body as text, to keep it as it was sent. */
export const TEXT_BODY = { textBody: true } as const satisfies BodyConfig;

/** Marks a route that takes a merge patch (RFC 7396), under that type or as plain JSON. */
export const mergePatchBody = (bodyLimit: number) =>
  ({ takes: [JSON_TYPE, MERGE_PATCH], bodyLimit }) satisfies BodyConfig;

/** Marks a route that takes a patch of either kind, as text. */
export const PATCH_BODY = { ...TEXT_BODY, takes: [MERGE_PATCH, JSON_PATCH] } as const satisfies BodyConfig;

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
    [JSON_TYPE, MERGE_PATCH, JSON_PATCH],
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT },
    (request: FastifyRequest, body: Buffer, done) => {
      const { textBody, takes = [JSON_TYPE] } = request.routeOptions.config as BodyConfig;
      const text = decode(body);
      const type = mediaType(request);
      if (!takes.includes(type)) done(notTaken(type, takes));
      else if (text === undefined) done(new Problem(400, { detail: 'the body is not valid UTF-8' }));
      else if (textBody) done(null, text);
      // Clients name the type of a body that they do not send; a route that needs one says what is missing.
      else if (text === '') done(null, undefined);
      else
        void parseSafely(request, text, (error, value) => {
          if (error) done(error);
          else if (isDeeper(value, MAX_DEPTH)) done(tooDeep('the body', MAX_DEPTH));
          else done(null, value);
        });
    },
  );
}

/** The type of the body as Fastify compares it: in any case, with any parameters. */
export function mediaType({ headers }: FastifyRequest): string {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function notTaken(type: string, takes: readonly string[]): Problem {
  return new Problem(415, {
    detail: `${type} is not taken here: send ${takes.join(' or ')}`,
    headers: { Accept: takes.join(', ') },
  });
}

function decode(body: Buffer): string | undefined {
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

/** Whether there are more levels of objects and lists than these in a value; it looks no deeper. */
export function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some(inner => isDeeper(inner, levels - 1));
}

export const tooDeep = (what: string, levels: number) =>
  new Problem(422, { code: 'too-deep', detail: `${what} is nested deeper than ${levels} levels` });

/**
 * A body that was taken as text, and the value in it.
 *
 * @param what it is, and how it is to be sent: for messages
 * @throws Problem 400 when it is missing, or is not JSON
 */
export function parseText(body: unknown, what: string, how: string): { text: string; value: unknown } {
  if (typeof body !== 'string' || body === '') throw badRequest(`the body is missing: ${how}`);
  try {
    return { text: body, value: JSON.parse(body) };
  } catch (error) {
    throw badRequest(`${what} is not JSON: ${(error as Error).message}`);
  }
}
