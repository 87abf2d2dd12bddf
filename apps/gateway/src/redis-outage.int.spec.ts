import { setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Topology } from '#libs/event-log';
import { leaderboards } from '#libs/leaderboards';
import { Projector } from '#libs/projections';
import { createClient, type RedisClient } from '#libs/redis';
import { StreamsServer } from '#libs/streams-transport';
import { eventually, RedisContainer, testRedisImage } from '#libs/testing';
import { openTestGateway } from './test-gateway.js';

const ADMIN = 'an-admin-key-of-20-characters';
const CLIENTS = 16;
/** Milliseconds for which Redis is silent: longer than any command waits. */
const SILENCE = 3_000;

const TITLE = 'a Redis in a container, under load';
const image = testRedisImage(TITLE);

/** Clients that add to a board, one write after the other, each again and again until it is acknowledged. */
class Load {
  readonly acknowledged: Record<string, number> = {};
  count = 0;
  refused = 0;
  private stopped = false;
  private readonly running: Promise<unknown>;

  constructor(private readonly app: NestFastifyApplication) {
    this.running = Promise.all(Array.from({ length: CLIENTS }, (_, i) => this.write(`player-${i}`)));
  }

  stop(): Promise<unknown> {
    this.stopped = true;
    return this.running;
  }

  private async write(player: string): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const headers = { authorization: `Bearer ${ADMIN}`, 'idempotency-key': `${player}-${i}` };
      const request = { method: 'POST' as const, url: '/v1/leaderboards/out/scores', headers };
      for (let status = 0; status !== 202; ) {
        status = (await this.app.inject({ ...request, payload: { player, score: 1 } })).statusCode;
        if (status === 202) continue;
        expect(status).toBe(503);
        this.refused += 1;
        await delay(20);
      }
      this.acknowledged[player] = i + 1;
      this.count += 1;
    }
  }
}

(image ? describe : describe.skip)(TITLE, () => {
  let redis: RedisContainer;
  let client: RedisClient;
  let app: NestFastifyApplication;
  let workers: readonly StreamsServer[];

  beforeEach(async () => {
    redis = await RedisContainer.start(image as string);
    client = createClient(redis.url, 'outage');
    await client.connect();
    const topology = await Topology.open(client, 'ql', { scores: 2, players: 1 });
    const log = { redis: client, topology };
    app = await openTestGateway(log, { ADMIN_KEYS: ADMIN, RATE_LIMIT: 'off' });
    workers = ['one', 'two'].map(consumer => {
      const options = {
        group: leaderboards.name,
        consumer,
        batchSize: 100,
        claimIdleMs: 500,
        maxDeliveries: 100,
      };
      const server = new StreamsServer(client, topology, options);
      const projector = new Projector(client, leaderboards);
      server.addHandler(
        'scores',
        (events, { keys }) => projector.apply(events, { keys, group: leaderboards.name }),
        true,
      );
      server.listen(() => {});
      return server;
    });
    await send('PUT', '/v1/leaderboards/out', { operator: 'sum' });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(workers.map(worker => worker.close()));
    await app.close();
    client.disconnect();
    await redis.remove();
  }, 60_000);

  const send = (method: 'GET' | 'PUT', url: string, payload?: object) =>
    app.inject({ method, url, headers: { authorization: `Bearer ${ADMIN}` }, ...(payload && { payload }) });
  const board = async () => {
    const { entries } = (await send('GET', `/v1/leaderboards/out/entries?limit=${CLIENTS}`)).json();
    return Object.fromEntries(
      entries.map(({ player, score }: { player: string; score: number }) => [player, score]),
    );
  };

  it.each([
    [
      'paused',
      async () => {
        await redis.engine.pause();
        await delay(SILENCE);
        await redis.engine.unpause();
      },
    ],
    [
      'killed',
      async () => {
        await redis.engine.kill();
        await redis.engine.start();
      },
    ],
    ['restarted', () => redis.engine.restart()],
  ])(
    '%s: every acknowledged write is there, once',
    async (_, outage) => {
      const load = new Load(app);
      const progress = (more: number) => {
        const goal = load.count + more;
        return eventually(() => expect(load.count).toBeGreaterThan(goal), 20_000);
      };
      for (let round = 0; round < 2; round++) {
        await progress(200);
        await outage();
      }
      await progress(200);
      await load.stop();
      expect(load.refused).toBeGreaterThan(0);
      await eventually(async () => expect(await board()).toEqual(load.acknowledged), 20_000, 50);
    },
    60_000,
  );
});
