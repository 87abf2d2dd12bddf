import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Installation, withInstallation } from './installation.js';
import { describeEnvironment, logProgress, percentile, print, round } from './report.js';
import { appendScores, random, type TimedScore } from './score-log.js';

const USAGE = `npm run bench:board-size -- [options]

Measures the memory per board entry of a large board, and the latency of reads over HTTP.

  --entries N,N      boards of these sizes (default: 1000000,5000000)
  --tie-breaks a,b   of first, last, none (default: all of them)
  --ranking R        standard, dense or ordinal (default: standard)
  --requests N       requests of each kind (default: 2000)
  --clients N        number of concurrent clients (default: 1)
  --json             print figures as JSON

Writing a board of five million entries takes a minute. With its log it needs about 3 GB of memory.
`;

const BOARD = 'arena';
/** Low enough that some players have equal scores. */
const MAX_SCORE = 1_000_000;
/** In the future, so that all scores come after the definition. */
const FIRST_SCORE_AT_MS = Date.now() + 60 * 60_000;
const LOOKUP_PLAYERS = 100;

interface Options {
  readonly entries: readonly number[];
  readonly tieBreaks: readonly string[];
  readonly ranking: string;
  readonly requests: number;
  readonly clients: number;
  readonly json: boolean;
}

type Row = Record<string, string | number>;
type Ask = (installation: Installation, next: () => number, entries: number) => Promise<unknown>;

const player = (next: () => number, entries: number) => `player-${Math.floor(next() * entries)}`;
const path = `/v1/leaderboards/${BOARD}`;

/** The requests to measure, by their name in the table. */
const READS: Readonly<Record<string, Ask>> = {
  'top 100': ({ admin }) => admin.get(`${path}/entries?limit=100`),
  rank: ({ admin }, next, entries) => admin.get(`${path}/entries/${player(next, entries)}`),
  'around 5': ({ admin }, next, entries) => admin.get(`${path}/around/${player(next, entries)}?radius=5`),
  [`lookup ${LOOKUP_PLAYERS}`]: async ({ admin }, next, entries) => {
    const players = Array.from({ length: LOOKUP_PLAYERS }, () => player(next, entries));
    const { status } = await admin.send('POST', `${path}/lookup`, { players });
    if (status !== 200) throw new Error(`lookup: ${status}`);
  },
};

const options = readOptions();
if (options) await run(options);

async function run({ entries, tieBreaks, json, ...rest }: Options): Promise<void> {
  const rows: Row[] = [];
  let where: Awaited<ReturnType<typeof describeEnvironment>> | undefined;
  for (const count of entries) {
    for (const tieBreak of tieBreaks) {
      await withInstallation(async installation => {
        rows.push(await measure(installation, count, tieBreak, rest));
        where = await describeEnvironment(installation.redis);
      });
    }
  }
  const title = `large boards: ranking ${rest.ranking}, ${rest.requests} reads of each kind, ${rest.clients} at a time`;
  if (where) print(json, title, where, rows);
}

async function measure(
  installation: Installation,
  entries: number,
  tieBreak: string,
  { ranking, requests, clients }: Pick<Options, 'ranking' | 'requests' | 'clients'>,
): Promise<Row> {
  // Only reads are measured, so the log need not be synced after each batch.
  await installation.redis.config('SET', 'appendfsync', 'everysec');
  await installation.start();
  const { status } = await installation.admin.send('PUT', path, { tieBreak, ranking }, { Prefer: 'wait=10' });
  if (status !== 200) throw new Error(`the board cannot be defined: ${status}`);
  logProgress(`${entries} entries, tie-break ${tieBreak}: writing`);
  const began = performance.now();
  const { redis, topology } = installation;
  await appendScores(redis, topology.of('scores', BOARD), scores(entries));
  await waitUntilProjected(installation, entries);
  const seconds = (performance.now() - began) / 1_000;
  logProgress(`all entries are on the board after ${seconds.toFixed(0)} s: measuring`);
  return {
    entries,
    'tie-break': tieBreak,
    ...(await latencies(installation, entries, requests, clients)),
    ...(await memory(installation, entries)),
  };
}

function* scores(entries: number): Generator<TimedScore> {
  const next = random(1);
  for (let i = 0; i < entries; i++) {
    const score = Math.floor(next() * MAX_SCORE);
    yield { at: FIRST_SCORE_AT_MS + i, score: { board: BOARD, player: `player-${i}`, score } };
  }
}

async function waitUntilProjected({ admin }: Installation, entries: number): Promise<void> {
  for (;;) {
    const { total } = await admin.get<{ total: number }>(path);
    if (total === entries) return;
    await delay(250);
  }
}

/** Bytes per entry: of each key of the board, and of all keys together as the memory that Redis frees when they are deleted. */
async function memory(installation: Installation, entries: number): Promise<Row> {
  const { redis } = installation;
  const row: Row = {};
  const before = await usedMemory(installation);
  for (const key of await redis.keys(`*@*:${BOARD}`)) {
    // `bench:{s0}:ranks@1:arena`
    const [, kind = key] = /}:(\w+)@/.exec(key) ?? [];
    row[`${kind}, bytes/entry`] = round(((await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0) / entries, 1);
    await redis.del(key);
  }
  return { ...row, 'all, bytes/entry': round((before - (await usedMemory(installation))) / entries, 1) };
}

async function usedMemory({ redis }: Installation): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

async function latencies(
  installation: Installation,
  entries: number,
  requests: number,
  clients: number,
): Promise<Row> {
  const row: Row = {};
  for (const [name, ask] of Object.entries(READS)) {
    const next = random(2);
    const milliseconds: number[] = [];
    const askOnce = async () => {
      const began = performance.now();
      await ask(installation, next, entries);
      return performance.now() - began;
    };
    for (let warmUp = 0; warmUp < 200; warmUp++) await askOnce();
    const askAgain = async () => {
      while (milliseconds.length < requests) milliseconds.push(await askOnce());
    };
    await Promise.all(Array.from({ length: clients }, askAgain));
    row[`${name}: p50, p99 ms`] =
      `${percentile(milliseconds, 50).toFixed(2)}, ${percentile(milliseconds, 99).toFixed(2)}`;
  }
  return row;
}

/** @returns undefined for --help */
function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      ...{ entries: text, 'tie-breaks': text, ranking: text, requests: text, clients: text },
      ...{ json: flag, help: { ...flag, short: 'h' } },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return undefined;
  }
  return {
    entries: (values.entries ?? '1000000,5000000').split(',').map(Number),
    tieBreaks: (values['tie-breaks'] ?? 'first,last,none').split(','),
    ranking: values.ranking ?? 'standard',
    requests: Number(values.requests ?? 2_000),
    clients: Number(values.clients ?? 1),
    json: values.json ?? false,
  };
}
