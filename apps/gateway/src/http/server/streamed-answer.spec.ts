import { Readable } from 'node:stream';
import { fastify } from 'fastify';
import { streamedAnswer } from './streamed-answer.js';

describe('a streamed answer', () => {
  const pieces = 1_000;
  let made: number;
  let isClosed: Promise<void>;
  const server = fastify();
  server.get('/', (request, reply) => {
    made = 0;
    const stream = Readable.from(
      (function* () {
        for (; made < pieces; made++) yield 'x';
      })(),
      { objectMode: false },
    );
    isClosed = new Promise(resolve => stream.once('close', () => resolve()));
    const answer = streamedAnswer(request, stream, { type: 'text/plain', disposition: 'attachment' });
    return reply.type('text/plain').send(answer.getStream());
  });
  afterAll(() => server.close());

  it('sends all pieces for a GET', async () => {
    expect((await server.inject('/')).body).toHaveLength(pieces);
    expect(made).toBe(pieces);
  });

  it('is closed unread for a HEAD', async () => {
    const { statusCode, body } = await server.inject({ method: 'HEAD', url: '/' });
    expect({ statusCode, body }).toEqual({ statusCode: 200, body: '' });
    await isClosed;
    expect(made).toBe(0);
  });
});
