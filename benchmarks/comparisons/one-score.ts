import { createClient } from '#libs/redis';
import { Baseline } from '../baselines/baseline.js';
import type { Comparison, Figures, Size } from '../comparison.js';
import { Installation } from '../installation.js';
import { load, type Request } from '../load.js';
import { random } from '../score-log.js';

/** So many that none comes near its limit: 1,000 writes in 10 s. */
const PLAYERS = 512;
const BOARDS = ['weekly', 'arena', 'speedrun', 'daily'];
const SECONDS: Record<Size, number> = { full: 6, short: 3 };

/** One score a request, of a player with a session. */
export const oneScore: Comparison = {
  name: 'one-score',
  title: `One score a request: ${PLAYERS} players with sessions, ${BOARDS.length} boards, 64 connections`,
  targets: [
    {
      what: 'one score a request, against bare Fastify',
      unit: 'ratio',
      value: of => of('questlog', 'req/s') / of('bare fastify', 'req/s'),
      wanted: { atLeast: 0.5 },
    },
    {
      what: 'one score a request, against Express',
      unit: 'ratio',
      value: of => of('questlog', 'req/s') / of('express', 'req/s'),
      wanted: { atLeast: 2 },
    },
    {
      what: '99th percentile, against bare Fastify',
      unit: 'ratio',
      value: of => of('questlog', 'p99 ms') / of('bare fastify', 'p99 ms'),
      wanted: { atMost: 2 },
    },
  ],
  open: async size => {
    const installation = await Installation.open({
      partitions: { scores: 8, players: 8 },
      asInProduction: true,
    });
    await installation.start();
    const [fastify, express] = await Promise.all(
      ['fastify-server', 'express-server'].map(name => Baseline.start(name, installation.redisUrl)),
    );
    if (!fastify || !express) throw new Error('the baselines did not start');
    const requests = await scoreRequests(installation);
    const measured = (url: string) => load(url, requests, { seconds: SECONDS[size] });
    return {
      contenders: {
        questlog: () => measured(installation.url),
        'questlog, workers paused': () => whilePaused(installation, () => measured(installation.url)),
        'bare fastify': () => measured(fastify.url),
        express: () => measured(express.url),
      },
      close: async () => {
        await Promise.all([fastify.stop(), express.stop()]);
        await installation.close();
      },
    };
  },
};

const WORKERS = ['scores', 'saves', 'ranking-projector'];

async function whilePaused(installation: Installation, measure: () => Promise<Figures>): Promise<Figures> {
  for (const worker of WORKERS) installation.freeze(worker, true);
  try {
    return await measure();
  } finally {
    for (const worker of WORKERS) installation.freeze(worker, false);
  }
}

/** Of players who have a session with Questlog, and with the Express server under the same token. */
async function scoreRequests(installation: Installation): Promise<Request[]> {
  const next = random(1);
  const redis = createClient(installation.redisUrl, 'sessions');
  await redis.connect();
  const requests: Request[] = [];
  for (let i = 0; i < PLAYERS; i++) {
    const { body } = await installation.admin.send<{ token: string; playerId: string }>(
      'POST',
      '/v1/sessions',
      {},
    );
    await redis.set(`express:session:${body.token}`, JSON.stringify({ player: body.playerId }));
    const board = BOARDS[i % BOARDS.length];
    requests.push({
      method: 'POST',
      path: `/v1/leaderboards/${board}/scores`,
      headers: { authorization: `Bearer ${body.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ score: Math.floor(next() * 1_000_000) }),
    });
  }
  redis.disconnect();
  return requests;
}
