import { execFileSync } from 'node:child_process';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { packEvent } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import type { Comparison, Figures, Size } from '../comparison.js';
import { Installation, KEYS } from '../installation.js';
import { load, type Request } from '../load.js';
import { random } from '../score-log.js';

/** Scores per request and per pipeline. */
const BATCH_SCORES = 1_000;
const PLAYERS = 100_000;
const BOARDS = ['weekly', 'arena', 'speedrun', 'daily'];
const CONNECTIONS = 4;
const SECONDS: Record<Size, number> = { full: 6, short: 3 };
const LINES: Record<Size, number> = { full: 1_000_000, short: 100_000 };
/** How often the memory of the gateway is read. */
const MEMORY_POLL_MS = 100;

/** Many scores at once: in lists of 1,000 and as one long upload, compared with a loop that only appends. */
export const bulk: Comparison = {
  name: 'bulk',
  title: `many scores at once: lists of ${BATCH_SCORES} on ${CONNECTIONS} connections, and one upload of a million lines`,
  targets: [
    {
      what: 'lists of 1,000 scores, against a pipelined XADD loop',
      unit: 'ratio',
      value: of => of('questlog, lists', 'events/s') / of('XADD loop', 'events/s'),
      wanted: { atLeast: 0.6 },
    },
    {
      what: 'NDJSON import, against lists',
      unit: 'ratio',
      value: of => of('questlog, import', 'events/s') / of('questlog, lists', 'events/s'),
      wanted: { atLeast: 1 },
    },
    {
      what: 'memory that a gateway takes for an import',
      unit: 'MiB',
      value: of => of('questlog, import', 'MiB more'),
      wanted: { atMost: 100 },
    },
  ],
  warmUpRounds: 1,
  open: async size => {
    const installation = await Installation.openAsInProduction();
    // The workers are measured in other comparisons.
    installation.freezeWorkers(true);
    const lists = listRequests();
    return {
      contenders: {
        'questlog, lists': async () => {
          const seen = await load(installation.url, lists, {
            seconds: SECONDS[size],
            connections: CONNECTIONS,
          });
          return { 'events/s': BATCH_SCORES * (seen['req/s'] ?? 0), 'p99 ms': seen['p99 ms'] ?? 0 };
        },
        'questlog, import': () => upload(installation, LINES[size]),
        'XADD loop': () => xaddLoop(installation.redis, SECONDS[size]),
      },
      close: async () => {
        installation.freezeWorkers(false);
        await installation.close();
      },
    };
  },
};

/** A random score of a random player on a random board. */
function randomScore(next: () => number) {
  return {
    board: BOARDS[Math.floor(next() * BOARDS.length)] ?? '',
    player: `player-${Math.floor(next() * PLAYERS)}`,
    score: Math.floor(next() * 1_000_000),
  };
}

function listRequests(): Request[] {
  const next = random(3);
  return Array.from({ length: 16 }, () => ({
    method: 'POST',
    path: '/v1/scores',
    headers: { authorization: `Bearer ${KEYS.server}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scores: Array.from({ length: BATCH_SCORES }, () => randomScore(next)) }),
  }));
}

/** @throws Error when not every line was accepted */
async function upload(installation: Installation, lines: number): Promise<Figures> {
  const pid = installation.pidOf('gateway');
  const before = readMemoryMib(pid);
  let most = before;
  const looking = setInterval(() => {
    most = Math.max(most, readMemoryMib(pid));
  }, MEMORY_POLL_MS);
  const began = performance.now();
  try {
    const report = await post(`${installation.url}/v1/scores/import`, Readable.from(linesOf(lines)));
    if (report.accepted !== lines) throw new Error(`of ${lines} lines, ${JSON.stringify(report)}`);
  } finally {
    clearInterval(looking);
  }
  return { 'events/s': (1_000 * lines) / (performance.now() - began), 'MiB more': most - before };
}

function* linesOf(count: number): Generator<string> {
  const next = random(4);
  for (let sent = 0; sent < count; sent += BATCH_SCORES) {
    const scores = Array.from({ length: Math.min(BATCH_SCORES, count - sent) }, () => randomScore(next));
    yield scores.map(score => `${JSON.stringify(score)}\n`).join('');
  }
}

function post(url: string, body: Readable): Promise<{ accepted: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ accepted: number }>();
  const headers = { Authorization: `Bearer ${KEYS.server}`, 'Content-Type': 'application/x-ndjson' };
  const call = request(url, { method: 'POST', headers }, async response => {
    const chunks = await response.toArray();
    resolve(JSON.parse(Buffer.concat(chunks).toString()));
  });
  call.on('error', reject);
  body.pipe(call);
  return promise;
}

/** The resident memory of a process in MiB. */
function readMemoryMib(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) / 1_024;
}

/** Appends the same events, packed in advance, with pipelines of XADD and nothing else. */
async function xaddLoop(redis: RedisClient, seconds: number): Promise<Figures> {
  const next = random(5);
  const packed = Array.from({ length: 16 * BATCH_SCORES }, () => {
    const data = randomScore(next);
    return packEvent({ type: 'ScoreSubmitted', data, actor: { kind: 'server', id: 'bench' } }).e;
  });
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < 1_000 * seconds) {
    const pipeline = redis.pipeline();
    for (let i = 0; i < BATCH_SCORES; i++)
      pipeline.xadd('bare:bulk', '*', 'e', packed[count++ % packed.length] ?? '');
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }
  return { 'events/s': (1_000 * count) / (performance.now() - began) };
}
