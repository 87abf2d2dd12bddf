import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { projections } from '#libs/maintenance';
import { eventually } from '#libs/testing';
import type { Client } from '../support/client.js';
import { run, verify } from '../support/run.js';
import { System } from '../support/system.js';

interface Answered {
  readonly reset?: string;
  readonly period?: string;
  readonly total?: number;
  readonly entries?: readonly { readonly period?: string }[];
}

/** The responses that `make.mjs` recorded from the older version. */
interface Recorded {
  readonly guests: readonly { readonly playerId: string; readonly secret: string }[];
  readonly deadLetters: readonly { readonly id: string }[];
  readonly answers: Readonly<Record<string, { readonly status: number; readonly body: Answered }>>;
}

/** How many requests are sent at the same time. */
const WIDTH = 8;

const archives = globSync('test/e2e/old-data/*.tar.gz').map(path => basename(path, '.tar.gz'));

describe.each(archives)('a data folder made by version %s', version => {
  let folder: string;
  let recorded: Recorded;
  let system: System;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'questlog-old-data-'));
    execFileSync('tar', ['-C', folder, '-xzf', `test/e2e/old-data/${version}.tar.gz`]);
    recorded = JSON.parse(readFileSync(join(folder, 'answers.json'), 'utf8'));
    system = await System.start({ DATA_DIR: join(folder, 'data'), RATE_LIMIT: 'off' });
  }, 60_000);
  afterAll(async () => {
    await system.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  /** Removes the fields that change with time: when a period ends, its entries are no longer in the current period. */
  const lasting = (path: string, body: Answered) => {
    const isEntries = /^\/v1\/players\/[^/]+\/entries$/.test(path);
    if (isEntries) return { ...body, entries: body.entries?.filter(({ period }) => period === 'current') };
    const { period, total, ...definition } = body;
    return body.reset === undefined ? body : definition;
  };

  /** A response may have more fields than before, but none may be missing or different. */
  const expectRecordedAnswers = async () => {
    const clients: Record<string, Client> = { v1: system.admin, api: system.connect() };
    const left = Object.entries(recorded.answers);
    expect(left.length).toBeGreaterThan(100);
    const ask = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        const [path, { status, body }] = next;
        const answer = await clients[path.split('/')[1] ?? '']?.get(path);
        const expected = status === 200 ? { path, status, body: lasting(path, body) } : { path, status };
        const actual = lasting(path, answer?.body ?? {});
        expect({ path, status: answer?.status, body: actual }).toMatchObject(expected);
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, ask));
  };

  it('answers as that version did', expectRecordedAnswers, 60_000);

  it('equals the fold of its log', async () => {
    const { status, output } = await verify({ REDIS_URL: system.redisUrl });
    expect({ status, output }).toMatchObject({ status: 0 });
  }, 120_000);

  it('lets its guests log in with their secrets', async () => {
    for (const guest of recorded.guests) {
      const { status, body } = await system.connect().post('/v1/sessions', guest);
      expect({ status, playerId: body.playerId }).toEqual({ status: 201, playerId: guest.playerId });
    }
  });

  it('still has its dead letters', async () => {
    expect(recorded.deadLetters.length).toBeGreaterThan(0);
    const { body } = await system.admin.get('/v1/admin/dead-letters');
    expect(body.deadLetters).toEqual(
      expect.arrayContaining(recorded.deadLetters.map(letter => expect.objectContaining(letter))),
    );
  });

  it('can be rebuilt from its events, and answers the same afterwards', async () => {
    const environment = { REDIS_URL: system.redisUrl };
    for (const { title } of projections) {
      const { status, output } = await run(process.execPath, ['dist/scripts/rebuild.js', title], environment);
      expect({ status, output }).toMatchObject({ status: 0 });
    }
    await expectRecordedAnswers();
  }, 120_000);

  it('takes new writes', async () => {
    const wait = { Prefer: 'wait=10' };
    const score = { player: 'player-10', score: 2_000_000 };
    await eventually(async () => {
      const answer = await system.client.post('/v1/leaderboards/best/scores', score, wait);
      expect(answer).toMatchObject({ status: 200, body: { rank: 1, score: 2_000_000 } });
    }, 20_000);
    const saved = await system.client.put('/v1/players/player-00/saves/auto', { level: 100 }, wait);
    const history = recorded.answers['/v1/players/player-00/saves/auto/history']?.body as {
      versions: object[];
    };
    expect(saved).toMatchObject({ status: 200, body: { version: history.versions.length + 1 } });
  });
});
