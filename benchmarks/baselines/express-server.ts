/**
 * The server of a typical tutorial: Express with sessions in Redis (each request extends its session) and a sorted set.
 * Scores that are not a new best are not stored.
 */
import { randomUUID } from 'node:crypto';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { serve } from './serve.js';

declare module 'express-session' {
  interface SessionData {
    player: string;
  }
}

const WEEK = 7 * 24 * 60 * 60 * 1_000;

const redis = createClient({ url: process.argv[2] ?? '' });
await redis.connect();
const app = express();
app.use(express.json());

const withSession = session({
  store: new RedisStore({ client: redis, prefix: 'express:session:' }),
  ...{ secret: 'tutorial', resave: false, saveUninitialized: false, rolling: true },
  cookie: { maxAge: WEEK },
});

app.get('/session', withSession, (request, response) => {
  request.session.player ??= randomUUID();
  response.json({ id: request.session.player });
});

app.post('/v1/leaderboards/:board/scores', withSession, async (request, response) => {
  const { player } = request.session;
  if (!player) {
    response.status(401).json({ error: 'no session' });
    return;
  }
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
