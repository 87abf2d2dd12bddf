import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isTaken, notTaken } from './json-body.js';

export const NDJSON = 'application/x-ndjson';

/** The handler gets the body as a stream, without a size limit. */
export const STREAMED_BODY = { streamedBody: true, takes: [NDJSON] } as const;

export function hasStreamedBody({ routeOptions }: FastifyRequest): boolean {
  return (routeOptions.config as Partial<typeof STREAMED_BODY>).streamedBody === true;
}

/** Accepts `application/x-ndjson` on routes with `STREAMED_BODY`, and on no others. */
export function readStreamedBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(NDJSON, (request, payload, done) => {
    if (isTaken(request)) done(null, payload);
    else done(notTaken(request));
  });
}

/**
 * Closes the connection of a client that has not sent its whole request in time. For a streamed body, the time begins anew with
 * every byte.
 *
 * @param within milliseconds
 */
export function limitSendingTime(fastify: FastifyInstance, within: number): void {
  // Connections with an incomplete body: how many bytes had arrived at the last look, and when.
  const sending = new Map<FastifyRequest, { readonly bytes: number; readonly at: number }>();
  const look = () => {
    const now = performance.now();
    for (const [request, { bytes, at }] of sending) {
      const { raw } = request;
      const { bytesRead } = raw.socket;
      if (raw.complete || raw.destroyed) sending.delete(request);
      else if (hasStreamedBody(request) && bytesRead !== bytes)
        sending.set(request, { bytes: bytesRead, at: now });
      else if (now - at >= within) raw.destroy();
    }
  };
  const timer = setInterval(look, within / 4).unref();
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { headers, socket } = request.raw;
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined)
      sending.set(request, { bytes: socket.bytesRead, at: performance.now() });
    done();
  });
  fastify.addHook('preValidation', (request, _reply, done) => {
    if (!hasStreamedBody(request)) sending.delete(request);
    done();
  });
  fastify.addHook('onClose', (_fastify, done) => {
    clearInterval(timer);
    done();
  });
}
