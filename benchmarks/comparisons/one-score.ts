import { createClient } from '#libs/redis';
import { ChildProgram } from '../child-program.js';
import type { Comparison, Size } from '../comparison.js';
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
      value: of => of('questlog, gateway', 'req/s') / of('bare fastify', 'req/s'),
      wanted: { atLeast: 0.5 },
    },
    {
      what: 'one score a request, against Express',
      unit: 'ratio',
      value: of => of('questlog, gateway', 'req/s') / of('express', 'req/s'),
      wanted: { atLeast: 2 },
    },
    {
      what: '99th percentile, against bare Fastify',
      unit: 'ratio',
      value: of => of('questlog, gateway', 'p99 ms') / of('bare fastify', 'p99 ms'),
      wanted: { atMost: 2 },
    },
  ],
  open: async size => {
    const [alone, whole] = [await openInstallation(), await openInstallation()];
    alone.freezeWorkers(true);
    const fastify = await ChildProgram.start('fastify-server', [alone.redisUrl]);
    const express = await ChildProgram.start('express-server', [alone.redisUrl]);
    const requests = { alone: await scoreRequests(alone), whole: await scoreRequests(whole) };
    const measured = (url: string, of = requests.alone) => load(url, of, { seconds: SECONDS[size] });
    return {
      contenders: {
        'questlog, gateway': () => measured(alone.url),
        'bare fastify': () => measured(fastify.url),
        express: () => measured(express.url),
        'questlog, all of it': async () => {
          const seen = await measured(whole.url, requests.whole);
          await untilProjected(whole);
          return seen;
        },
      },
      close: async () => {
        alone.freezeWorkers(false);
        await Promise.all([fastify.stop(), express.stop()]);
        await Promise.all([alone.close(), whole.close()]);
      },
    };
  },
};

async function openInstallation(): Promise<Installation> {
  const partitions = { scores: 8, players: 8 };
  const installation = await Installation.open({ partitions, asInProduction: true });
  await installation.start();
  return installation;
}

/** Waits until the workers have nothing left to do: else whoever is measured next would suffer. */
async function untilProjected({ admin }: Installation): Promise<void> {
  for (const board of BOARDS) {
    const path = `/v1/leaderboards/${board}/scores`;
    const write = () => admin.send('POST', path, { player: 'last', score: 0 }, { Prefer: 'wait=10' });
    while ((await write()).status !== 200);
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
