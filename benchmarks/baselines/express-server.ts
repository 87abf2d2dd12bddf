/** What tutorials build: Express, a session in Redis, a sorted set. Nothing is kept of a score that is no best. */
import express from 'express';
import { createClient } from 'redis';
import { serve } from './serve.js';

const redis = createClient({ url: process.argv[2] ?? '' });
await redis.connect();
const app = express();
app.use(express.json());

app.post('/v1/leaderboards/:board/scores', async (request, response) => {
  const token = request.headers.authorization?.slice('Bearer '.length);
  const session = token ? await redis.get(`express:session:${token}`) : null;
  if (!session) {
    response.status(401).json({ error: 'no session' });
    return;
  }
  const { player } = JSON.parse(session) as { player: string };
  const { score } = request.body as { score: unknown };
  if (typeof score !== 'number') {
    response.status(400).json({ error: 'score must be a number' });
    return;
  }
  await redis.zAdd(`express:ranks:${request.params.board}`, { value: player, score }, { comparison: 'GT' });
  response.status(202).json({ status: 'accepted' });
});

app.get('/v1/leaderboards/:board/entries', async (request, response) => {
  const limit = Number(request.query.limit ?? 10);
  const key = `express:ranks:${request.params.board}`;
  const top = await redis.zRangeWithScores(key, 0, limit - 1, { REV: true });
  response.json(top.map(({ value, score }, i) => ({ rank: i + 1, player: value, score })));
});

await serve(async () => {
  const server = app.listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  return server;
});
