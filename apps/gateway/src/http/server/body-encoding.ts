import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest, Problem, tooLarge } from '../problem.js';
import { elementsOf } from '../writes/list-header.js';
import { hasStreamedBody } from './streamed-body.js';

/** The names that gzip has in `Content-Encoding` (RFC 9110, 8.4.1.3). */
const GZIP = ['gzip', 'x-gzip'];
/** What gzip can add to incompressible data, besides 0.1 %. */
const GZIP_OVERHEAD_BYTES = 1024;

/**
 * Decompresses bodies before they are parsed, so that limits apply to the decompressed size. It stops at the limit, so a larger
 * body is never held in memory.
 */
export function decodeBodies(fastify: FastifyInstance): void {
  fastify.addHook('preParsing', (request, _reply, payload, done) => {
    const codings = codingsOf(request);
    if (codings.length === 0) return done(null, payload);
    if (codings.length > 1 || !GZIP.includes(codings[0] ?? '')) return done(notDecoded(codings));
    // It is the length of the compressed body, which can exceed that of the content.
    delete request.raw.headers['content-length'];
    const limit = hasStreamedBody(request) ? Number.POSITIVE_INFINITY : request.routeOptions.bodyLimit;
    done(null, gunzipped(payload, limit));
  });
}

function codingsOf({ headers, method }: FastifyRequest): string[] {
  const codings = headers['content-encoding'];
  if (method === 'GET' || method === 'HEAD') return [];
  const names = elementsOf(codings).map(name => name.toLowerCase());
  return names.filter(name => name !== 'identity');
}

const notDecoded = (codings: readonly string[]) =>
  new Problem(415, {
    detail: `Content-Encoding: ${codings.join(', ').slice(0, 100)} is not supported: send the body uncompressed or with gzip`,
    headers: { 'Accept-Encoding': 'gzip' },
  });

/** Passes bytes up to the limit, and then fails. */
class LimitedBody extends Transform {
  private passed = 0;

  constructor(private readonly limit: number) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.passed += chunk.length;
    if (this.passed > this.limit) done(tooLarge(this.limit));
    else done(null, chunk);
  }
}

/** Drops the rest of a body, without decompressing it. */
export function stopReading(body: Readable): void {
  if (body instanceof LimitedBody) body.destroy();
  else body.resume();
}

/**
 * @param limit bytes after decompression
 * @returns a stream that can be destroyed: the rest of the body is then read and dropped
 */
function gunzipped(payload: NodeJS.ReadableStream, limit: number): Transform {
  const gunzip = createGunzip();
  const body = new LimitedBody(limit);
  // When a route refuses the request without reading the body, nobody else listens for its errors.
  body.on('error', () => {});
  const corrupt = (reason: string) =>
    body.destroy(badRequest(`the body is not gzip, as its Content-Encoding says: ${reason}`));
  let received = 0;
  payload.on('data', (chunk: Buffer) => {
    received += chunk.length;
    // Empty gzip members can follow each other without end, and decompress to nothing.
    if (received > limit * 1.001 + GZIP_OVERHEAD_BYTES) body.destroy(tooLarge(limit));
  });
  payload.on('error', error => body.destroy(error));
  gunzip.on('error', error => corrupt(error.message));
  gunzip.once('end', () => {
    if (gunzip.bytesWritten < received) corrupt('something follows its end');
    else body.end();
  });
  body.once('close', () => {
    payload.unpipe(gunzip);
    gunzip.destroy();
    payload.resume();
  });
  gunzip.pipe(body, { end: false });
  payload.pipe(gunzip);
  return body;
}
