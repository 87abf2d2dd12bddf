import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Connections } from '#libs/service';
import { badRequest, PROBLEM_CONTENT_TYPE, Problem, shownValue } from '../problem.js';
import { elementsOf } from '../writes/list-header.js';

/**
 * Answers input that Node cannot parse, that is too large, or that comes too slowly. There is no request object then, and Node can
 * emit further errors for the same connection.
 */
export function answerClientErrors(connections: Connections) {
  return ({ code }: NodeJS.ErrnoException, socket: Socket): void => {
    if (code === 'ECONNRESET' || socket.destroyed) socket.destroy();
    else connections.track(socket).answerAndClose(answerOf(problemOf(code)));
  };
}

/** Answers malformed requests with a problem. Node would close their connections, or answer without a body. */
export function answerMalformedRequests(fastify: FastifyInstance, connections: Connections): void {
  const { server } = fastify;
  fastify.addHook('onRequest', ({ headers, raw }, _reply, done) => {
    const isLost = headers.host === undefined && raw.httpVersion === '1.1';
    // Node's own answer would have no body.
    if (isLost) done(badRequest('in HTTP/1.1 there must be a Host'));
    // A proxy in front could use one of them, and the gateway the other (RFC 9112, 3.2).
    else if (hostsIn(raw) > 1) done(badRequest('there must be one Host: send it once'));
    else done(framingProblem(raw));
  });
  server.on('connect', (_request: IncomingMessage, socket: Socket) =>
    connections.track(socket).answerAndClose(answerOf(NO_PROXY)),
  );
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const problem = new Problem(417, { detail: 'of Expect, only 100-continue can be met' });
    const body = JSON.stringify(problem.body);
    response.writeHead(problem.getStatus(), headersOf(body)).end(body);
  });
}

/**
 * Refuses transfer codings other than chunked. Node's parser decodes only the last one. A proxy that decodes the others, or that
 * does not know the header, would see the request end elsewhere, so the connection must be closed (RFC 9112, 6.1).
 */
function framingProblem({ headers, httpVersion }: IncomingMessage): Problem | undefined {
  const sent = headers['transfer-encoding'];
  if (sent === undefined) return undefined;
  const close = { Connection: 'close' };
  if (httpVersion === '1.0')
    return new Problem(400, {
      detail: 'HTTP/1.0 has no Transfer-Encoding: send HTTP/1.1, or the body with a Content-Length',
      headers: close,
    });
  const codings = elementsOf(sent).map(coding => coding.toLowerCase());
  if (codings.length === 1 && codings[0] === 'chunked') return undefined;
  // The RFC suggests 501 for an unknown coding, but the fault is in the request, and a 5xx would raise an operator's alarm.
  return new Problem(400, {
    detail: `Transfer-Encoding must be chunked and nothing else; it is ${shownValue(sent)}. Compress the body with Content-Encoding: gzip instead`,
    headers: close,
  });
}

/** How many Host headers there are. `rawHeaders` has names and values in turn. */
const hostsIn = ({ rawHeaders }: IncomingMessage): number =>
  rawHeaders.filter((text, i) => i % 2 === 0 && text.length === 4 && text.toLowerCase() === 'host').length;

/** The methods of all routes. CONNECT has no path, so `Allow` cannot be more exact. */
const SERVED = 'GET, HEAD, POST, PUT, PATCH, DELETE';

const NO_PROXY = new Problem(405, {
  detail: `this is no proxy: CONNECT is not served; send ${SERVED}`,
  headers: { Allow: SERVED },
});

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

const headersOf = (body: string) => ({
  'Content-Type': PROBLEM_CONTENT_TYPE,
  'Content-Length': Buffer.byteLength(body),
  'X-Content-Type-Options': 'nosniff',
  Connection: 'close',
});

function answerOf(problem: Problem): string {
  const status = problem.getStatus();
  const body = JSON.stringify(problem.body);
  const headers = Object.entries({ ...headersOf(body), ...problem.problem.headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers, '', body].join('\r\n');
}
