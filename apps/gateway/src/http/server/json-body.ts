import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest, Problem } from '../problem.js';
import { depthOf, hasMoreValues } from './json-text.js';

/** Bytes in a request's body, at most, where the route does not say otherwise. */
export const BODY_LIMIT_BYTES = 256 * 1024;

/** Levels of nesting in a body, or in a document, at most: whatever walks through it then has room on the stack. */
export const MAX_DEPTH = 64;

/**
 * Values in a body, at most, where it is larger than most may be: 1,000 scores with all they can have. A megabyte of
 * short ones would take longer to parse than anybody may hold the thread.
 */
export const MAX_VALUES = 30_000;

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

/** It skips a byte order mark, as some editors write it. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

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
    { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
    (request: FastifyRequest, body: Buffer, done) => {
      const { textBody } = request.routeOptions.config as BodyConfig;
      const text = decode(body);
      if (!isTaken(request)) done(notTaken(request));
      else if (text === undefined) done(new Problem(400, { detail: 'the body is not valid UTF-8' }));
      else if (textBody) done(null, text);
      // Clients name the type of a body that they do not send; a route that needs one says what is missing.
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

/** Refuses bodies of every type that no other parser has. Call it when the others are added. */
export function refuseOtherBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('*', (request, _payload, done) => done(notTaken(request)));
}

const takenBy = ({ routeOptions: { config } }: FastifyRequest): readonly string[] =>
  (config as BodyConfig | undefined)?.takes ?? [JSON_TYPE];

export const isTaken = (request: FastifyRequest): boolean => takenBy(request).includes(mediaType(request));

/** The type of the body as Fastify compares it: in any case, with any parameters. */
export function mediaType({ headers }: FastifyRequest): string {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** The answer to a body of a type that the route does not take: it names all that it does. */
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
