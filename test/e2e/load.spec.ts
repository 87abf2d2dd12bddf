import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '#libs/embedded-redis';
import { eventually } from '#libs/testing';
import { Client, inParallel } from './support/client.js';
import { System } from './support/system.js';

const SCORES = Number(process.env.SCORES ?? 30_000);
const PLAYERS = 10_000;

describe(`${SCORES} scores for ${PLAYERS} players, over HTTP`, () => {
  let system: System;
  let client: Client;
  const best = new Map<string, number>();

  beforeAll(async () => {
    system = await System.start();
    client = system.client;
  }, 60_000);
  afterAll(() => system.close(), 60_000);

  /** Reads the whole board, page by page. */
  async function entries(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    let cursor = '';
    do {
      const { status, body } = await client.get(
        `/v1/leaderboards/load/entries?limit=1000&cursor=${cursor}`.replace(/&cursor=$/, ''),
      );
      expect(status).toBe(200);
      for (const { player, score } of body.entries) found.set(player, score);
      cursor = body.next ?? '';
    } while (cursor !== '');
    return found;
  }

  /** The number of events that a ranking projector has applied, from its metrics. */
  async function applied(port: number): Promise<number> {
    const worker = new Client(port);
    const { text } = await worker.get('/metrics').finally(() => worker.close());
    return Number(/questlog_events_total\{[^}]*outcome="applied"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
  }

  it('makes a board of the best scores that the sender knows, with two ranking projectors', async () => {
    const healthPort = await freePort();
    const second = spawn(process.execPath, ['dist/apps/ranking-projector/src/main.js'], {
      env: {
        PATH: process.env.PATH,
        REDIS_URL: system.redisUrl,
        HEALTH_PORT: String(healthPort),
        LOG_LEVEL: 'warn',
      },
      stdio: 'inherit',
    });
    await eventually(() => applied(healthPort), 20_000);

    const began = performance.now();
    let last = '';
    await inParallel(SCORES, 64, async index => {
      const player = `player-${index % PLAYERS}`;
      const score = Math.floor(Math.random() * 1_000_000);
      const { status, body } = await client.post('/v1/leaderboards/load/scores', { player, score });
      expect(status).toBe(202);
      last = body.eventId;
      best.set(player, Math.max(best.get(player) ?? 0, score));
    });
    const seconds = (performance.now() - began) / 1_000;
    console.log(
      `${SCORES} scores in ${seconds.toFixed(1)} s: ${Math.round(SCORES / seconds)} a second, client included`,
    );

    await client.get('/v1/leaderboards/load/entries?limit=1', { 'If-Applied': last });
    await eventually(async () => expect(await entries()).toEqual(best), 20_000);

    const first = await applied(system.healthPort('ranking-projector'));
    const other = await applied(healthPort);
    console.log(`the two projectors applied ${first} and ${other} events`);
    expect(Math.min(first, other)).toBeGreaterThan(0);
    expect(first + other).toBe(SCORES);
    second.kill('SIGTERM');
    expect((await once(second, 'exit'))[0]).toBe(0);
  }, 180_000);
});
