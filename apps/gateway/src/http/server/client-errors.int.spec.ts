import { once } from 'node:events';
import { connect } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { Connections, limitConnections } from '#libs/service';
import { answerClientErrors, answerMalformedRequests } from './client-errors.js';

/** Milliseconds. */
const WITHIN = 200;

describe('a malformed request', () => {
  let server: FastifyInstance;
  let connections: Connections;
  beforeAll(async () => {
    connections = new Connections({ lingerMs: WITHIN, checkIntervalMs: WITHIN / 4 });
    server = fastify({
      http: { headersTimeout: WITHIN, connectionsCheckingInterval: WITHIN / 4 },
      clientErrorHandler: answerClientErrors(connections),
    });
    limitConnections(server, connections);
    answerMalformedRequests(server, connections);
    server.get('/', () => 'served');
    await server.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(() => server.close());

  /** All that comes until the connection is closed. */
  const answer = async (bytes: string): Promise<string> => {
    const { port } = server.server.address() as { port: number };
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', chunk => {
      text += chunk;
    });
    socket.on('error', () => {});
    await once(socket, 'close');
    return text;
  };

  it.each([
    ['whose headers do not come to an end', 'GET / HTTP/1.1\r\nHost: x\r\n', '408 Request Timeout'],
    ['of which nothing comes', '', '408 Request Timeout'],
    ['that is none', 'nonsense\r\n\r\n', '400 Bad Request'],
    ['for another server', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n', '405 Method Not Allowed'],
    ['that expects too much', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n', '417 Expectation Failed'],
  ])('is answered, and its connection closed: one %s', async (_, bytes, status) => {
    const text = await answer(bytes);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status}\r\n`));
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toContain('application/problem+json');
    expect(/\r\nAllow: GET, /.test(head)).toBe(status.startsWith('405'));
    expect(JSON.parse(body)).toMatchObject({ status: Number(status.slice(0, 3)), type: 'about:blank' });
  });

  it.each(['Host: y', 'host:', 'HOST: x'])('is refused with a second Host: %s', async second => {
    const text = await answer(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${second}\r\n\r\n`);
    expect(text).toContain('there must be one Host');
    expect(text).not.toContain('served');
  });

  it('does not affect other clients', async () => {
    const slow = answer('GET / HTTP/1.1\r\n');
    expect((await server.inject('/')).body).toBe('served');
    await slow;
  });
});
