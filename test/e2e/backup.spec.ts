import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedRedis, freePort } from '#libs/embedded-redis';
import { eventually } from '#libs/testing';
import type { Client } from './support/client.js';
import { run, verify } from './support/run.js';
import { type Guest, System } from './support/system.js';
import { Writer } from './support/writer.js';

const WAIT = { Prefer: 'wait=10' };

/** The commands of docs/operations.md, in order. */
const [, section = ''] = readFileSync('docs/operations.md', 'utf8').split(/^## Backup and restore$/m);
const [text = ''] = section.split(/^## /m);
const [copyFile = '', restoreFile = '', copySnapshot = '', restoreSnapshot = ''] = [
  ...text.matchAll(/^```sh\n([\s\S]*?)\n```$/gm),
].map(([, commands = '']) => commands);

async function scoresOf(client: Client, written: ReadonlyMap<string, number>): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const players = [...written.keys()];
  for (let at = 0; at < players.length; at += 100) {
    const { body } = await client.post('/v1/leaderboards/kept/lookup', {
      players: players.slice(at, at + 100),
    });
    for (const { player, score } of body.entries) found.set(player, score);
  }
  return found;
}

describe('a backup that is made while players write', () => {
  let system: System;
  let guest: Guest;
  let folder: string;
  let variables: { REDIS_URL: string; BACKUP: string; RESTORED: string; PORT: string };

  beforeEach(async () => {
    system = await System.start();
    guest = await system.guest();
    await guest.client.put('/v1/players/me/saves/auto', { hp: 20 }, WAIT);
    folder = mkdtempSync(join(tmpdir(), 'questlog-backup-'));
    const [BACKUP, RESTORED] = [join(folder, 'backup'), join(folder, 'restored')];
    for (const path of [BACKUP, RESTORED]) mkdirSync(path);
    variables = { REDIS_URL: system.redisUrl, BACKUP, RESTORED, PORT: String(await freePort()) };
  }, 60_000);
  afterEach(async () => {
    await system.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const follow = async (commands: string) => {
    const here = commands.replaceAll(' data/', ` ${system.folder}/`);
    const { status, output } = await run('sh', ['-euc', here], variables);
    expect({ status, output }).toMatchObject({ status: 0 });
  };

  /** @returns the writes that were acknowledged before the backup began, and the later ones */
  const backUp = async (commands: string) => {
    const writer = new Writer(system.client, 'kept');
    const untilMore = (count: number) => {
      const goal = writer.acknowledged.size + count;
      return eventually(() => expect(writer.acknowledged.size).toBeGreaterThan(goal), 30_000);
    };
    writer.start();
    await untilMore(200);
    const before = new Map(writer.acknowledged);
    await follow(commands);
    const during = writer.acknowledged.size;
    await untilMore(50);
    await writer.stop();
    const after = [...writer.acknowledged].slice(during);
    return { before, after: new Map(after) };
  };

  const expectAllOf = async (
    restored: System,
    redisUrl: string,
    { before, after }: Awaited<ReturnType<typeof backUp>>,
  ) => {
    expect(await verify({ REDIS_URL: redisUrl })).toMatchObject({ status: 0 });
    expect(await scoresOf(restored.client, before)).toEqual(before);
    expect((await scoresOf(restored.client, after)).size).toBe(0);
    const { playerId, secret, token } = guest;
    expect((await restored.connect(token).get('/v1/players/me/saves/auto')).body).toEqual({ hp: 20 });
    expect((await restored.connect().post('/v1/sessions', { playerId, secret })).status).toBe(201);
    const again = { player: 'p0', score: 0 };
    const repeated = await restored.client.post('/v1/leaderboards/kept/scores', again, {
      'Idempotency-Key': 'p0',
    });
    expect(repeated.headers['idempotency-replayed']).toBe('true');
    const fresh = await restored.client.post(
      '/v1/leaderboards/kept/scores',
      { player: 'new', score: 1 },
      WAIT,
    );
    expect(fresh).toMatchObject({ status: 200, body: { status: 'applied' } });
  };

  it('of the append-only file has every write acknowledged before it began, and npm start restores it', async () => {
    const written = await backUp(copyFile);
    await follow(restoreFile);
    const restored = await System.start({ DATA_DIR: variables.RESTORED });
    try {
      await expectAllOf(restored, restored.redisUrl, written);
    } finally {
      await restored.close();
    }
  }, 120_000);

  it('by a snapshot has every write acknowledged before it began, and a server with an append-only file restores it', async () => {
    const written = await backUp(copySnapshot);
    await follow(restoreSnapshot);
    const redis = await EmbeddedRedis.start({ folder: variables.RESTORED });
    copyFileSync(join(system.folder, 'keys.json'), join(variables.RESTORED, 'keys.json'));
    const restored = await System.start({ DATA_DIR: variables.RESTORED, REDIS_URL: redis.url });
    try {
      await expectAllOf(restored, redis.url, written);
    } finally {
      await restored.close();
      await redis.stop();
    }
  }, 120_000);
});
