import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedRedis } from '#libs/embedded-redis';
import { createClient } from '#libs/redis';
import { eventually } from '#libs/testing';
import { type Answer, Client } from './support/client.js';
import { type Guest, System } from './support/system.js';

/** How long Redis is down. */
const AWAY_MS = 6_000;
/** Milliseconds in which the contract answers every request, in addition to the wait that it asked for. */
const LIMIT = 2_000;
const WAIT = 1_000;

interface Call {
  readonly kind: string;
  readonly sent: number;
  readonly answered: number;
  readonly answer: Answer;
}

type Known = Pick<Guest, 'playerId' | 'secret'>;

/** Sends all requests of a game again and again from many clients, and remembers what was acknowledged. */
class Load {
  readonly calls: Call[] = [];
  readonly scores: string[] = [];
  readonly saves: string[] = [];
  readonly guests: Known[] = [];
  private running: Promise<void>[] = [];
  private stopped = false;
  private made = 0;

  constructor(
    private readonly server: Client,
    private readonly anonymous: Client,
    private readonly guest: Known,
    private readonly session: Client,
    /** The id of an applied event. */
    private readonly event: string,
  ) {}

  start(): void {
    this.running = Object.entries(this.kinds).map(([kind, call]) => this.repeat(kind, call));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private readonly kinds: Readonly<Record<string, () => Promise<Answer>>> = {
    score: async () => {
      const player = this.newName();
      const answer = await this.server.post('/v1/leaderboards/out/scores', { player, score: 7 });
      if (answer.status === 202) this.scores.push(player);
      return answer;
    },
    'score that waits': async () => {
      const player = this.newName();
      const body = { player, score: 7 };
      const prefer = `wait=${WAIT / 1_000}`;
      const answer = await this.server.post('/v1/leaderboards/out/scores', body, { Prefer: prefer });
      if (answer.status < 300) this.scores.push(player);
      return answer;
    },
    'score with a key': async () => {
      const player = this.newName();
      const body = { player, score: 7 };
      const answer = await this.server.post('/v1/leaderboards/out/scores', body, {
        'Idempotency-Key': player,
      });
      if (answer.status === 202) this.scores.push(player);
      return answer;
    },
    'own score': () => this.session.post('/v1/leaderboards/out/scores', { score: 3 }),
    'list of scores': async () => {
      const scores = Array.from({ length: 5 }, () => ({ board: 'out', player: this.newName(), score: 7 }));
      const answer = await this.server.post('/v1/scores', { scores });
      if (answer.status < 300)
        for (const [i, { eventId }] of answer.body.results.entries())
          if (eventId) this.scores.push(scores[i]?.player as string);
      return answer;
    },
    save: async () => {
      const player = this.newName();
      const answer = await this.server.put(`/v1/players/${player}/saves/auto`, { player });
      if (answer.status === 202) this.saves.push(player);
      return answer;
    },
    'patch of a save': () =>
      this.server.send('PATCH', '/v1/players/out/saves/patched', '{"a":1}', {
        'Content-Type': 'application/merge-patch+json',
      }),
    'patch of a profile': () => this.server.send('PATCH', '/v1/players/out', { name: 'Out' }),
    guest: async () => {
      const answer = await this.anonymous.post('/v1/sessions', {});
      if (answer.status === 201) this.guests.push(answer.body);
      return answer;
    },
    login: () => {
      const { playerId, secret } = this.guest;
      return this.anonymous.post('/v1/sessions', { playerId, secret });
    },
    session: () => this.session.get('/v1/sessions/current'),
    page: () => this.anonymous.get('/v1/leaderboards/out/entries'),
    'page that waits': () => this.anonymous.get('/v1/leaderboards/out/entries', { 'If-Applied': this.event }),
    entry: () => this.anonymous.get('/v1/leaderboards/out/entries/first'),
    around: () => this.anonymous.get('/v1/leaderboards/out/around/first'),
    lookup: () => this.anonymous.post('/v1/leaderboards/out/lookup', { players: ['first', 'second'] }),
    boards: () => this.anonymous.get('/v1/leaderboards'),
    profile: () => this.anonymous.get('/v1/players/out'),
    'score document': () => this.server.get('/v1/players/first/scores'),
    'own save': () => this.session.get('/v1/players/me/saves/auto'),
    'list of saves': () => this.session.get('/v1/players/me/saves'),
  };

  private async repeat(kind: string, call: () => Promise<Answer>): Promise<void> {
    while (!this.stopped) {
      const sent = performance.now();
      const answer = await call();
      this.calls.push({ kind, sent, answered: performance.now(), answer });
      await delay(10);
    }
  }

  private newName(): string {
    return `player-${this.made++}`;
  }
}

const isRefused = ({ answer }: Call) => answer.status === 503;
/** A request that is appended just before its deadline still waits for its effect. */
const isLate = (call: Call) =>
  call.answered - call.sent > LIMIT + (call.kind === 'score that waits' && !isRefused(call) ? WAIT : 0);
const shown = ({ kind, sent, answered, answer }: Call) =>
  `${kind}: ${answer.status} after ${Math.round(answered - sent)} ms ${answer.text.slice(0, 200)}`;

describe('Redis, stopped under load', () => {
  let folder: string;
  let redis: EmbeddedRedis;
  let system: System;
  let load: Load;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-outage-'));
    redis = await EmbeddedRedis.start({ folder });
    system = await System.start({ REDIS_URL: redis.url });
    const { client } = system;
    const wait = { Prefer: 'wait=10' };
    const anonymous = system.connect();
    const guest = await system.guest();
    const session = guest.client;
    const ready = await Promise.all([
      client.post('/v1/leaderboards/out/scores', { player: 'first', score: 9 }, wait),
      client.put('/v1/players/out/saves/patched', {}, wait),
      client.send('PATCH', '/v1/players/out', { name: 'Out' }, wait),
      session.put('/v1/players/me/saves/auto', { own: true }, wait),
    ]);
    expect(ready.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    load = new Load(client, anonymous, guest, session, ready[0].body.eventId);
  }, 60_000);
  afterEach(async () => {
    await load.stop();
    await system.close();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  /** Stops the server in order, and starts it again. */
  const restart = async () => {
    await redis.stop();
    await delay(AWAY_MS);
    redis = await EmbeddedRedis.start({ folder, port: redis.port });
  };
  const processOfRedis = async () => {
    const client = createClient(redis.url, 'outage');
    await client.connect();
    const pid = Number(/^process_id:(\d+)/m.exec(await client.info('server'))?.[1]);
    client.disconnect();
    return pid;
  };
  /** Freezes the server: it neither answers nor refuses. */
  const freeze = async () => {
    const pid = await processOfRedis();
    process.kill(pid, 'SIGSTOP');
    await delay(AWAY_MS);
    process.kill(pid, 'SIGCONT');
  };

  it.each([
    ['ended', restart],
    ['frozen', freeze],
  ])(
    '%s: 503 in time for every request, a reason on /readyz, and all of it back without a restart',
    async (_, outage) => {
      const pids = system.pids();
      load.start();
      await eventually(() => expect(load.guests.length).toBeGreaterThan(10), 20_000);
      const began = performance.now();
      const outageOver = outage();
      await delay(AWAY_MS / 3);
      const readiness = await system.client.get('/readyz');
      expect(readiness).toMatchObject({ status: 503, body: { status: 'not ready' } });
      expect(readiness.text).toMatch(/redis/i);
      expect((await system.client.get('/healthz')).status).toBe(200);
      await outageOver;
      const ended = performance.now();

      await eventually(
        () => {
          for (const kind of new Set(load.calls.map(({ kind }) => kind))) {
            const last = load.calls.findLast(call => call.kind === kind && call.sent > ended);
            expect({ kind, status: last?.answer.status }).toEqual({ kind, status: expect.any(Number) });
            expect({ kind, isRefused: last && isRefused(last) }).toEqual({ kind, isRefused: false });
          }
        },
        20_000,
        100,
      );
      await load.stop();
      expect(system.pids()).toEqual(pids);
      expect((await system.client.get('/readyz')).status).toBe(200);

      // Calls within the outage, without its first and last moments.
      const during = load.calls.filter(({ sent, answered }) => sent > began + 500 && answered < ended - 100);
      const times = load.calls.map(({ sent, answered }) => Math.round(answered - sent)).sort((a, b) => a - b);
      console.log(
        `${load.calls.length} calls, ${load.calls.filter(isRefused).length} of them refused; the slowest took ${times.at(-1)} ms`,
      );
      expect(during.length).toBeGreaterThan(20);
      expect(during.filter(call => !isRefused(call)).map(shown)).toEqual([]);
      for (const { answer } of load.calls.filter(isRefused)) {
        expect(answer.headers).toMatchObject({
          'retry-after': expect.stringMatching(/^\d+$/),
          'content-type': expect.stringContaining('application/problem+json'),
        });
      }
      expect(
        load.calls.filter(({ answer }) => answer.status >= 500 && answer.status !== 503).map(shown),
      ).toEqual([]);
      expect(load.calls.filter(isLate).map(shown)).toEqual([]);
      await expectAcknowledged();
    },
    120_000,
  );

  async function expectAcknowledged(): Promise<void> {
    const { client } = system;
    await eventually(
      async () => {
        const found = new Set<string>();
        for (let cursor: string | undefined = ''; cursor !== undefined; ) {
          const { body } = await client.get(
            `/v1/leaderboards/out/entries?limit=1000${cursor && `&cursor=${cursor}`}`,
          );
          for (const { player } of body.entries) found.add(player);
          cursor = body.next;
        }
        expect(load.scores.filter(player => !found.has(player))).toEqual([]);
      },
      20_000,
      200,
    );
    for (const player of load.saves)
      await eventually(async () =>
        expect((await client.get(`/v1/players/${player}/saves/auto`)).body).toEqual({ player }),
      );
    for (const { playerId, secret } of load.guests.filter((_, i) => i % 10 === 0))
      expect((await client.post('/v1/sessions', { playerId, secret })).status).toBe(201);
    expect(load.scores.length).toBeGreaterThan(50);
    expect(load.saves.length).toBeGreaterThan(10);
  }
});
