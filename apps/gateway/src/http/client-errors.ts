import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { badRequest, PROBLEM_CONTENT_TYPE, Problem } from './problem.js';

/** What a client has sent that is no HTTP, too much of it, or too slow. Node knows of no request then. */
export function answerClientError({ code }: NodeJS.ErrnoException, socket: Duplex): void {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  refuse(socket, problemOf(code));
}

/** Sees to it that what Node would end without a word, or without a body, has a problem for an answer. */
export function answerOddRequests(fastify: FastifyInstance): void {
  const { server } = fastify;
  // Left to Node, the answer would have no body.
  fastify.addHook('onRequest', ({ headers, raw }, _reply, done) => {
    const isLost = headers.host === undefined && raw.httpVersion === '1.1';
    done(isLost ? badRequest('in HTTP/1.1 there must be a Host') : undefined);
  });
  server.on('connect', (_request: IncomingMessage, socket: Duplex) =>
    refuse(socket, new Problem(405, { detail: 'this is no proxy: CONNECT is not served' })),
  );
  server.on('checkExpectation', ({ socket }: IncomingMessage) =>
    refuse(socket, new Problem(417, { detail: 'of Expect, only 100-continue can be met' })),
  );
}

function problemOf(code: string | undefined): Problem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new Problem(408, { detail: 'the request did not come in time' });
  if (code === 'HPE_HEADER_OVERFLOW')
    return new Problem(431, { detail: 'URL and headers together are larger than 16384 bytes' });
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new Problem(413, { code: 'too-large', detail: 'the chunk extensions are too large' });
  if (code === 'HPE_INVALID_METHOD')
    return new Problem(400, { detail: 'this is no HTTP/1.1 request that is served here: no such method' });
  return new Problem(400, { detail: 'this is no HTTP/1.1 request' });
}

function refuse(socket: Duplex, problem: Problem): void {
  const status = problem.getStatus();
  const body = JSON.stringify(problem.body);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Content-Type: ${PROBLEM_CONTENT_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'X-Content-Type-Options: nosniff',
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
