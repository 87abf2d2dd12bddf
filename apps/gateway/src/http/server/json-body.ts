import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest, Problem } from '../problem.js';
import { depthOf, hasMoreValues } from './json-text.js';

/** The largest body, unless the route has another limit. */
export const BODY_LIMIT_BYTES = 256 * 1024;

/** The deepest nesting of a body or document, so that recursive functions have room on the stack. */
export const MAX_DEPTH = 64;

/**
 * The most values in a body that is larger than `BODY_LIMIT_BYTES`: enough for 1,000 complete scores. Parsing a megabyte of short
 * values would block the event loop for too long.
 */
export const MAX_VALUES = 30_000;

const JSON_TYPE = 'application/json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';

/** How a route wants its body. */
interface BodyConfig {
  readonly textBody?: boolean;
  /** Accepted media types; `application/json` by default. */
  readonly takes?: readonly string[];
  /** Bytes. */
  readonly bodyLimit?: number;
}

/** The handler gets the body as text, exactly as it was sent. */
export const TEXT_BODY = { textBody: true } as const satisfies BodyConfig;

/** The route takes a merge patch (RFC 7396), under that media type or as plain JSON. */
export const mergePatchBody = (bodyLimit: number) =>
  ({ takes: [JSON_TYPE, MERGE_PATCH], bodyLimit }) satisfies BodyConfig;

/** The route takes a merge patch or a JSON patch, as text. */
export const PATCH_BODY = { ...TEXT_BODY, takes: [MERGE_PATCH, JSON_PATCH] } as const satisfies BodyConfig;

/** The route takes larger bodies. */
export const LARGE_BODY = { bodyLimit: 1024 * 1024 } as const satisfies BodyConfig;

/** It skips a byte order mark, which some editors write. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Accepts bodies in JSON only, so that a form on another site cannot post. Call it before routes are added.
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
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request: FastifyRequest, body: Buffer, done) => {
      const { textBody } = request.routeOptions.config as BodyConfig;
      const text = decode(body);
      if (!isTaken(request)) done(notTaken(request));
      else if (text === undefined) done(new Problem(400, { detail: 'the body is not valid UTF-8' }));
      else if (textBody) done(null, text);
      // Some clients send a Content-Type without a body. A route that needs a body reports that it is missing.
      else if (text === '') done(null, undefined);
      else if (body.length > BODY_LIMIT_BYTES && hasMoreValues(text, MAX_VALUES)) done(tooManyValues());
      else
        void parseSafely(request, text, (error, value) => {
          if (error) done(error);
          else if (depthOf(text) > MAX_DEPTH) done(tooDeep('the body', MAX_DEPTH));
          else done(null, value);
        });
    },
  );
}

/** Refuses bodies of all other types. Call it after the other parsers are added. */
export function refuseOtherBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('*', (request, _payload, done) => done(notTaken(request)));
}

const takenBy = ({ routeOptions: { config } }: FastifyRequest): readonly string[] =>
  (config as BodyConfig | undefined)?.takes ?? [JSON_TYPE];

export const isTaken = (request: FastifyRequest): boolean => takenBy(request).includes(mediaType(request));

/** The media type of the body in lower case, without parameters. */
export function mediaType({ headers }: FastifyRequest): string {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** The 415 for a media type that the route does not accept. It names those that it does. */
export function notTaken(request: FastifyRequest): Problem {
  const takes = takenBy(request);
  const type = mediaType(request).slice(0, 100);
  const sent = type === '' ? 'a body without a Content-Type' : `Content-Type ${type}`;
  return new Problem(415, {
    detail: `${sent} is not supported here: send ${takes.join(' or ')}`,
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

const tooManyValues = () =>
  new Problem(413, {
    code: 'too-large',
    detail: `the body has more than ${MAX_VALUES} fields and items: send them in several requests`,
  });

export const tooDeep = (what: string, levels: number) =>
  new Problem(422, { code: 'too-deep', detail: `${what} is nested deeper than ${levels} levels` });

/**
 * Parses a body that was read as text.
 *
 * @param what the body is, for messages
 * @param how to send it, for messages
 * @throws Problem 400 when it is missing or not JSON
 */
export function parseText(body: unknown, what: string, how: string): { text: string; value: unknown } {
  if (typeof body !== 'string' || body === '') throw badRequest(`the body is missing: ${how}`);
  try {
    return { text: body, value: JSON.parse(body) };
  } catch (error) {
    throw badRequest(`${what} is not JSON: ${(error as Error).message}`);
  }
}
