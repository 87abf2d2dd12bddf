import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from './problem.js';

export const NDJSON = 'application/x-ndjson';

/** Marks a route that reads its body while it comes, for as long as it comes. Its handler gets a stream. */
export const STREAMED_BODY = { streamedBody: true } as const;

export function hasStreamedBody({ routeOptions }: FastifyRequest): boolean {
  return (routeOptions.config as Partial<typeof STREAMED_BODY>).streamedBody === true;
}

/** Lets the routes that are marked so, and no others, take `application/x-ndjson`. */
export function readStreamedBodies(fastify: FastifyInstance): void {
  fastify.addContentTypeParser(NDJSON, (request, payload, done) => {
    if (hasStreamedBody(request)) done(null, payload);
    else done(new Problem(415, { detail: `${NDJSON} is not what this route takes` }));
  });
}

/**
 * Ends the connection of a client that has not sent its whole request in time; where bodies are streamed, of one
 * that has sent nothing of it for as long.
 *
 * @param within milliseconds
 */
export function limitSendingTime(fastify: FastifyInstance, within: number): void {
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    const hasBody =
      raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined;
    if (!hasBody) return done();
    let received: number | undefined;
    const timer = setInterval(() => {
      const { bytesRead } = raw.socket;
      if (!hasStreamedBody(request) || bytesRead === received) raw.destroy();
      received = bytesRead;
    }, within).unref();
    raw.once('end', () => clearInterval(timer)).once('close', () => clearInterval(timer));
    done();
  });
}
