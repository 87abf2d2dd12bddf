import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { type FastifyInstance, fastify } from 'fastify';
import { readJsonBodies } from './json-body.js';
import { limitSendingTime, readStreamedBodies, STREAMED_BODY } from './streamed-body.js';

const WITHIN = 150;

describe('a slow client', () => {
  let server: FastifyInstance;
  let socket: Socket;
  let answer: string;
  beforeEach(async () => {
    server = fastify();
    readJsonBodies(server);
    readStreamedBodies(server);
    limitSendingTime(server, WITHIN);
    server.post('/stream', { config: STREAMED_BODY }, ({ body }) => text(body as Readable));
    server.post('/json', async ({ body }) => JSON.stringify(body));
    await server.listen({ port: 0, host: '127.0.0.1' });
    const { port } = server.server.address() as { port: number };
    socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    answer = '';
    socket.on('data', bytes => {
      answer += bytes.toString();
    });
    await once(socket, 'connect');
  });
  afterEach(async () => {
    socket.destroy();
    await server.close();
  });

  const begin = (path: string, type: string, length: number) =>
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`,
    );
  /** Sends bytes, one at a time, until all are sent or the connection is gone. */
  const drip = async (bytes: string, each: number) => {
    for (const byte of bytes) {
      if (socket.closed) return;
      socket.write(byte);
      await delay(each);
    }
  };

  it('can send a stream for as long as bytes arrive', async () => {
    begin('/stream', 'application/x-ndjson', 12);
    await drip('0123456789ab', WITHIN / 4);
    expect(answer).toMatch(/200 OK.*0123456789ab$/s);
  });

  it('is cut off when nothing arrives', async () => {
    begin('/stream', 'application/x-ndjson', 12);
    await drip('01', 0);
    await once(socket, 'close');
    expect(answer).not.toContain('200');
  });

  it('is cut off when any other body takes too long', async () => {
    begin('/json', 'application/json', 12);
    await drip('[1,2,3,4,5,6', WITHIN / 4);
    expect(socket.closed).toBe(true);
    expect(answer).not.toContain('200');
  });

  it('can pause between two requests for longer than a body may take', async () => {
    begin('/json', 'application/json', 3);
    await drip('[1]', 0);
    await delay(2 * WITHIN);
    begin('/json', 'application/json', 3);
    await drip('[2]', 20);
    expect(answer).toMatch(/\[1\].*\[2\]$/s);
  });
});
