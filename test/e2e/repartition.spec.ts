import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '#libs/testing';
import { type Client, inParallel } from './support/client.js';
import { System } from './support/system.js';
import { Timeline } from './support/timeline.js';

const BOARDS = ['arena', 'race', 'golf', 'tower'];
const SAVES = 4;
/** Scores in the log before the repartition. */
const HISTORY = Number(process.env.SCORES ?? 20_000);

/** Writes continuously. Repeats each write until it is acknowledged, and remembers it. */
class Load {
  readonly scores = new Map<string, Set<string>>(BOARDS.map(board => [board, new Set()]));
  readonly versions = new Map<string, number>();
  readonly guests: { playerId: string; secret: string }[] = [];
  readonly timeline = new Timeline();
  /** The longest time between two acknowledged writes, in milliseconds. */
  longest = 0;
  private last = performance.now();
  private stopped = false;
  private writing: Promise<unknown> | undefined;

  constructor(private readonly client: Client) {}

  start(): void {
    this.last = performance.now();
    const savers = Array.from({ length: SAVES }, (_, n) => this.save(`saver-${n}`));
    this.writing = Promise.all([
      ...BOARDS.map(board => this.score(board)),
      ...savers,
      this.visit(),
      this.read(),
    ]);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.writing;
  }

  get acknowledged(): number {
    return [...this.scores.values()].reduce((sum, { size }) => sum + size, 0);
  }

  private async score(board: string): Promise<void> {
    for (let n = 0; !this.stopped; n++) {
      const player = `live-${n}`;
      const headers = { 'Idempotency-Key': `${board}-${n}` };
      await this.insist(() =>
        this.client.post(`/v1/leaderboards/${board}/scores`, { player, score: n }, headers),
      );
      this.scores.get(board)?.add(player);
    }
  }

  /** Writes versions in order, so a lost order shows as a lost version. */
  private async save(player: string): Promise<void> {
    for (let version = 1; !this.stopped; version++) {
      const key = { 'Idempotency-Key': `${player}-${version}` };
      const { headers } = await this.insist(() =>
        this.client.put(`/v1/players/${player}/saves/auto`, { version }, key),
      );
      expect(headers.etag).toBe(`"${version}"`);
      this.versions.set(player, version);
    }
  }

  private async visit(): Promise<void> {
    while (!this.stopped) {
      this.guests.push((await this.insist(() => this.client.post('/v1/sessions', {}))).body);
      await delay(50);
    }
  }

  /** Checks that readers see the whole board at any moment. */
  private async read(): Promise<void> {
    while (!this.stopped) {
      const { status, body } = await this.client.get('/v1/leaderboards/history/entries?limit=1');
      this.timeline.count(`read ${status}`);
      if (status === 200) expect(body.total).toBe(HISTORY);
      else expect(status).toBe(503);
      await delay(5);
    }
  }

  private async insist(write: () => ReturnType<Client['post']>) {
    for (;;) {
      const answer = await write();
      this.timeline.count(String(answer.status));
      if (answer.status < 300) {
        this.longest = Math.max(this.longest, performance.now() - this.last);
        this.last = performance.now();
        return answer;
      }
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toBe('1');
      await delay(5);
    }
  }
}

describe('npm run repartition', () => {
  let system: System;
  let client: Client;
  beforeAll(async () => {
    system = await System.start({ RATE_LIMIT: 'off' });
    client = system.client;
  }, 60_000);
  afterAll(() => system.close(), 60_000);

  const command = (script: string, ...args: string[]): ChildProcess & { text: string } => {
    const child = spawn(process.execPath, [`dist/scripts/${script}.js`, ...args], {
      env: { PATH: process.env.PATH, DATA_DIR: system.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const told = Object.assign(child, { text: '' });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', chunk => {
        told.text += chunk;
      });
    return told;
  };
  const run = async (script: string, ...args: string[]) => {
    const child = command(script, ...args);
    await once(child, 'close');
    return { status: child.exitCode, text: child.text };
  };

  it('moves the log under load without loss and with a short pause, also after it was killed', async () => {
    for (let n = 0; n < HISTORY; n += 1_000) {
      const scores = Array.from({ length: 1_000 }, (_, i) => ({
        board: 'history',
        player: `player-${n + i}`,
        score: (n + i) % 1_000,
      }));
      expect((await client.post('/v1/scores', { scores }, { Prefer: 'wait=5' })).status).toBeLessThan(300);
    }
    await eventually(async () => {
      const { body } = await client.get('/v1/leaderboards/history/entries?limit=1');
      expect(body.total).toBe(HISTORY);
    }, 20_000);
    const load = new Load(client);
    load.start();
    await eventually(() => expect(load.acknowledged).toBeGreaterThan(200), 20_000);

    const killed = command('repartition', '--scores', '32', '--players', '16', '--yes');
    await eventually(() => expect(killed.text).toMatch(/replay|build/), 20_000);
    killed.kill('SIGKILL');
    load.timeline.note('killed');
    await eventually(async () => {
      load.timeline.note('moving');
      const { status, text } = await run('repartition', '--scores', '32', '--players', '16', '--yes');
      expect(text).toContain('32 partitions of scores, 16 of players');
      expect(status).toBe(0);
      load.timeline.note(text.trim().split('\n').slice(-2).join(' '));
    }, 120_000);

    const before = load.acknowledged;
    await eventually(() => expect(load.acknowledged).toBeGreaterThan(before + 200), 20_000);
    await load.stop();
    console.log(`${load.timeline}\n\nno write was acknowledged for ${Math.round(load.longest)} ms at most`);
    await expectAll(load);
    const { body } = await system.admin.get('/v1/admin/streams');
    expect(body.streams).toHaveLength(48);
    const verified = await run('verify');
    expect(verified).toMatchObject({ status: 0, text: expect.stringContaining('0 differences') });
    expect(system.output).not.toContain('ended unexpectedly');
  }, 240_000);

  it('says that there is nothing to do if the log has these numbers of partitions', async () => {
    const { status, text } = await run('repartition', '--scores', '32');
    expect({ status, text }).toMatchObject({ status: 0, text: expect.stringContaining('nothing to move') });
  }, 30_000);

  it.each([[], ['--scores', '0'], ['--partitions', '2000'], ['--boards', '4']])(
    'prints its usage when it is called with %j',
    async (...args: string[]) => {
      expect(await run('repartition', ...args)).toMatchObject({
        status: 2,
        text: expect.stringContaining('npm run repartition --'),
      });
    },
    30_000,
  );

  async function expectAll({ scores, versions, guests }: Load): Promise<void> {
    for (const [board, players] of scores) {
      await eventually(async () => {
        const { body } = await client.get(`/v1/leaderboards/${board}/entries?limit=1`);
        expect(body.total).toBe(players.size);
      }, 20_000);
    }
    for (const [player, version] of versions) {
      const { headers, body } = await client.get(`/v1/players/${player}/saves/auto`);
      expect({ etag: headers.etag, body }).toEqual({ etag: `"${version}"`, body: { version } });
    }
    const anybody = system.connect();
    await inParallel(guests.length, 2, async n => {
      const { playerId, secret } = guests[n] ?? {};
      expect((await anybody.post('/v1/sessions', { playerId, secret })).status).toBe(201);
    });
  }
});
