import type { FastifyInstance, FastifyRequest } from 'fastify';
import { notFound, Problem } from '../problem.js';
import { RouteTable } from './route-table.js';

/** Characters of a path segment, at most. */
export const MAX_SEGMENT_CHARACTERS = 1_000;
/** Characters of a path in a message, at most. */
const SHOWN_PATH = 100;

/** The pattern of the route that serves the game's files. It matches everything that has no other route. */
const FILES = '/*';

/**
 * Answers requests that match no route: 405 with `Allow` if the path has other methods, 414 if a segment is too long, otherwise
 * 404. Call it before routes are added.
 */
export function answerUnrouted(fastify: FastifyInstance): void {
  const table = new RouteTable();
  table.add(['GET', 'HEAD'], '/');
  fastify.addHook('onRoute', ({ method, url }) => {
    const methods = [method].flat().filter(name => name !== 'OPTIONS');
    if (url !== FILES && methods.length > 0) table.add(methods, url);
  });
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(isUnrouted(request) ? refusalOf(request, table) : undefined);
  });
}

/** An OPTIONS with an origin is a preflight, which the CORS plugin answers. */
function isUnrouted({ is404, method, headers, routeOptions: { url } }: FastifyRequest): boolean {
  return is404 || url?.endsWith(FILES) === true || (method === 'OPTIONS' && headers.origin === undefined);
}

function refusalOf({ method, url, routeOptions }: FastifyRequest, table: RouteTable): Problem | undefined {
  const [path = ''] = url.split('?', 1);
  const segments = path.split('/').slice(1);
  if (segments.some(segment => decoded(segment).length > MAX_SEGMENT_CHARACTERS)) return pathTooLong();
  const allowed = isPlain(segments) ? table.methodsOf(path) : [];
  if (allowed.length > 0) return allowed.includes(method) ? undefined : notAllowed(method, path, allowed);
  const isFile = routeOptions.url === FILES && isPlain(segments);
  return isFile ? undefined : notFound(`there is nothing at ${shown(path)}`);
}

/** Whether the path is free of `//`, `.`, `..` and NUL. No file has a path with them. */
function isPlain(segments: readonly string[]): boolean {
  return segments.every((segment, i) => {
    const name = decoded(segment);
    const isMissing = name === '' && i < segments.length - 1;
    return !isMissing && name !== '.' && name !== '..' && !name.includes('\0');
  });
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Without the scheme and host of a proxy's request, which can contain credentials. */
function shown(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/]*/i, '');
  return path.length > SHOWN_PATH ? `${path.slice(0, SHOWN_PATH)}…` : path;
}

export const pathTooLong = () =>
  new Problem(414, {
    detail: `a part of the path is longer than ${MAX_SEGMENT_CHARACTERS} characters; an id has at most 64`,
  });

const notAllowed = (method: string, path: string, allowed: readonly string[]) =>
  new Problem(405, {
    detail: `${shown(path)} does not support ${method}: use ${allowed.join(' or ')}`,
    headers: { Allow: allowed.join(', ') },
  });
