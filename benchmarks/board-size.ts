import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Installation, withInstallation } from './installation.js';
import { circumstances, percentile, print, rounded, say } from './report.js';
import { appendScores, random, type TimedScore } from './score-log.js';

const USAGE = `npm run bench:board-size -- [options]

How many bytes an entry of a large board takes, and how long reads of it take over HTTP.

  --entries N,N      boards of these sizes (default: 1000000,5000000)
  --tie-breaks a,b   of first, last, none (default: all of them)
  --ranking R        standard, dense or ordinal (default: standard)
  --requests N       of each kind (default: 2000)
  --clients N        that ask at the same time (default: 1)
  --json             print figures for programs

A board of five million takes a minute to write, and some 3 GB of memory with its log.
`;

const BOARD = 'arena';
/** Scores are spread so that some players have the same. */
const HIGHEST = 1_000_000;
/** Behind the definition, which has the time of this moment. */
const BEGIN = Date.now() + 60 * 60_000;
const LOOKUP = 100;

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

/** What is asked, by its name in the table. */
const READS: Readonly<Record<string, Ask>> = {
  'top 100': ({ admin }) => admin.get(`${path}/entries?limit=100`),
  rank: ({ admin }, next, entries) => admin.get(`${path}/entries/${player(next, entries)}`),
  'around 5': ({ admin }, next, entries) => admin.get(`${path}/around/${player(next, entries)}?radius=5`),
  [`lookup ${LOOKUP}`]: async ({ admin }, next, entries) => {
    const players = Array.from({ length: LOOKUP }, () => player(next, entries));
    const { status } = await admin.send('POST', `${path}/lookup`, { players });
    if (status !== 200) throw new Error(`lookup: ${status}`);
  },
};

const options = readOptions();
if (options) await run(options);

async function run({ entries, tieBreaks, json, ...rest }: Options): Promise<void> {
  const rows: Row[] = [];
  let where: Awaited<ReturnType<typeof circumstances>> | undefined;
  for (const count of entries) {
    for (const tieBreak of tieBreaks) {
      await withInstallation(async installation => {
        rows.push(await measure(installation, count, tieBreak, rest));
        where = await circumstances(installation.redis);
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
  // What is measured is reading: the log need not be on disk after each batch.
  await installation.redis.config('SET', 'appendfsync', 'everysec');
  await installation.start();
  const { status } = await installation.admin.send('PUT', path, { tieBreak, ranking }, { Prefer: 'wait=10' });
  if (status !== 200) throw new Error(`the board cannot be defined: ${status}`);
  say(`${entries} entries, tie-break ${tieBreak}: writing`);
  const began = performance.now();
  const { redis, topology } = installation;
  await appendScores(redis, topology.of('scores', BOARD), scores(entries));
  await untilProjected(installation, entries);
  const seconds = (performance.now() - began) / 1_000;
  say(`there after ${seconds.toFixed(0)} s: measuring`);
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
    const score = Math.floor(next() * HIGHEST);
    yield { at: BEGIN + i, score: { board: BOARD, player: `player-${i}`, score } };
  }
}

async function untilProjected({ admin }: Installation, entries: number): Promise<void> {
  for (;;) {
    const { total } = await admin.get<{ total: number }>(path);
    if (total === entries) return;
    await delay(250);
  }
}

/** Bytes per entry: of each of the board's keys, and by what Redis has less when they are deleted. */
async function memory(installation: Installation, entries: number): Promise<Row> {
  const { redis } = installation;
  const row: Row = {};
  const before = await usedMemory(installation);
  for (const key of await redis.keys(`*@*:${BOARD}`)) {
    // `bench:{s0}:ranks@1:arena`
    const [, kind = key] = /}:(\w+)@/.exec(key) ?? [];
    row[`${kind}, bytes/entry`] = rounded(
      ((await redis.memory('USAGE', key, 'SAMPLES', 0)) ?? 0) / entries,
      1,
    );
    await redis.del(key);
  }
  return { ...row, 'all, bytes/entry': rounded((before - (await usedMemory(installation))) / entries, 1) };
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

/** @returns nothing when only help was asked for */
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
