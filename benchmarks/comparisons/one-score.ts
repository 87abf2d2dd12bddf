import { ChildProgram } from '../child-program.js';
import type { Comparison, Size } from '../comparison.js';
import { Installation } from '../installation.js';
import { load, type Request } from '../load.js';
import { random } from '../score-log.js';

/** Enough players that none reaches the rate limit of 1,000 writes in 10 s. */
const PLAYERS = 512;
const BOARDS = ['weekly', 'arena', 'speedrun', 'daily'];
const SECONDS: Record<Size, number> = { full: 6, short: 3 };

/** One score per request, by players with a session. */
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
  warmUpRounds: 2,
  open: async size => {
    const alone = await Installation.openAsInProduction();
    const whole = await Installation.openAsInProduction();
    alone.freezeWorkers(true);
    const fastify = await ChildProgram.start('fastify-server', [alone.redisUrl]);
    const express = await ChildProgram.start('express-server', [alone.redisUrl]);
    const requests = {
      alone: scoreRequests(await createTokens(alone)),
      whole: scoreRequests(await createTokens(whole)),
      express: scoreRequests(await createCookies(express.url)),
    };
    const measured = (url: string, of: readonly Request[]) => load(url, of, { seconds: SECONDS[size] });
    return {
      contenders: {
        'questlog, gateway': () => measured(alone.url, requests.alone),
        'bare fastify': () => measured(fastify.url, requests.alone),
        express: () => measured(express.url, requests.express),
        'questlog, all of it': async () => {
          const seen = await measured(whole.url, requests.whole);
          await waitUntilProjected(whole);
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

/** Waits until the workers are idle, so that they do not slow down the next contender. */
async function waitUntilProjected({ admin }: Installation): Promise<void> {
  for (const board of BOARDS) {
    const path = `/v1/leaderboards/${board}/scores`;
    const write = () => admin.send('POST', path, { player: 'last', score: 0 }, { Prefer: 'wait=10' });
    while ((await write()).status !== 200);
  }
}

/** The authentication headers of the players. */
type Credentials = readonly Readonly<Record<string, string>>[];

async function createTokens({ admin }: Installation): Promise<Credentials> {
  const tokens: { authorization: string }[] = [];
  for (let i = 0; i < PLAYERS; i++) {
    const { body } = await admin.send<{ token: string }>('POST', '/v1/sessions', {});
    tokens.push({ authorization: `Bearer ${body.token}` });
  }
  return tokens;
}

async function createCookies(url: string): Promise<Credentials> {
  const cookies: { cookie: string }[] = [];
  for (let i = 0; i < PLAYERS; i++) {
    const { headers } = await fetch(`${url}/session`);
    cookies.push({ cookie: headers.get('set-cookie')?.split(';')[0] ?? '' });
  }
  return cookies;
}

function scoreRequests(credentials: Credentials): Request[] {
  const next = random(1);
  return credentials.map((headers, i) => ({
    method: 'POST',
    path: `/v1/leaderboards/${BOARDS[i % BOARDS.length]}/scores`,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ score: Math.floor(next() * 1_000_000) }),
  }));
}
