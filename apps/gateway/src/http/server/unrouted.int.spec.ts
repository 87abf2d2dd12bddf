import { once } from 'node:events';
import { connect } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { answerUnrouted } from './unrouted.js';

describe('a request that matches no route', () => {
  let server: FastifyInstance;
  beforeAll(async () => {
    server = fastify();
    answerUnrouted(server);
    server.get('/v1/boards', () => 'boards');
    await server.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(() => server.close());

  const answer = async (target: string): Promise<string> => {
    const { port } = server.server.address() as { port: number };
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    );
    let text = '';
    socket.on('data', chunk => {
      text += chunk;
    });
    await once(socket, 'close');
    return text;
  };

  it('is answered with its path', async () => {
    expect(await answer('/nowhere?x=1')).toMatch(/^HTTP\/1.1 404[\s\S]*there is nothing at \/nowhere"/);
  });

  it('is answered without the credentials of an absolute URL', async () => {
    const text = await answer('https://ada:secret@elsewhere:99/nowhere');
    expect(text).toMatch(/^HTTP\/1.1 404[\s\S]*there is nothing at \/nowhere"/);
    expect(text).not.toMatch(/secret|elsewhere/);
  });
});
