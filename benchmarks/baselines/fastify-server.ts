/** A minimal HTTP server with Fastify and ioredis: JSON schema validation and one command per request. */
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { serve } from './serve.js';

const redis = new Redis(process.argv[2] ?? '', { enableAutoPipelining: true });
const app = fastify();

const score = {
  type: 'object',
  required: ['score'],
  additionalProperties: false,
  properties: { score: { type: 'number' }, player: { type: 'string' } },
};

app.post<{ Params: { board: string }; Body: { score: number; player: string } }>(
  '/v1/leaderboards/:board/scores',
  { schema: { body: score } },
  async ({ params, body }, reply) => {
    const event = JSON.stringify([params.board, body.player, body.score]);
    const eventId = await redis.xadd('bare:log', '*', 'e', event);
    reply.status(202);
    return { eventId, status: 'accepted' };
  },
);

const ranks = (board: string) => `bare:ranks:${board}`;

app.get<{ Params: { board: string }; Querystring: { limit?: string } }>(
  '/v1/leaderboards/:board/entries',
  async ({ params, query }) => {
    const last = String(Number(query.limit ?? 10) - 1);
    const flat = await redis.zrange(ranks(params.board), 0, last, 'REV', 'WITHSCORES');
    return { board: params.board, entries: entriesOf(flat, 1) };
  },
);

app.get<{ Params: { board: string; player: string } }>(
  '/v1/leaderboards/:board/entries/:player',
  async ({ params }) => {
    const rank = await redis.zrevrank(ranks(params.board), params.player);
    return { rank: Number(rank) + 1, player: params.player };
  },
);

app.get<{ Params: { board: string; player: string }; Querystring: { radius?: string } }>(
  '/v1/leaderboards/:board/around/:player',
  async ({ params, query }) => {
    const radius = Number(query.radius ?? 5);
    const rank = Number(await redis.zrevrank(ranks(params.board), params.player));
    const first = Math.max(0, rank - radius);
    const flat = await redis.zrange(ranks(params.board), first, String(rank + radius), 'REV', 'WITHSCORES');
    return { board: params.board, entries: entriesOf(flat, first + 1) };
  },
);

function entriesOf(flat: readonly string[], first: number): object[] {
  const entries: object[] = [];
  for (let i = 0; i < flat.length; i += 2)
    entries.push({ rank: first + i / 2, player: flat[i], score: Number(flat[i + 1]) });
  return entries;
}

await serve(async () => {
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
});
