import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Installation, withInstallation } from './installation.js';
import { describeEnvironment, logProgress, print, round } from './report.js';
import { appendScores, random, type TimedScore } from './score-log.js';

const USAGE = `npm run bench:derived-board -- [options]

Measures how long it takes to build a derived board (one region, weekly) when its source has many scores already.

  --events N     number of scores of the source (default: 1000000)
  --players N    number of players (default: 100000)
  --json         print figures as JSON
`;

const REGIONS = ['eu', 'us', 'as', 'af'];
const REGION = 'eu';
const WEEK_MS = 7 * 24 * 60 * 60_000;
const WEEKS = 4;
/** A Monday at midnight UTC. */
const START_MS = Date.parse('2026-01-05T00:00:00Z');
const SOURCE = 'arena';
const BOARD = 'arena-eu-weekly';

interface Options {
  readonly events: number;
  readonly players: number;
  readonly json: boolean;
}

/** The fields of a board entry that are compared. */
interface ExpectedEntry {
  readonly rank: number;
  readonly player: string;
  readonly score: number;
  readonly achievedAt: string;
}

interface Page {
  readonly total: number;
  readonly entries: readonly (ExpectedEntry & { readonly attributes: { readonly region: string } })[];
  readonly next?: string;
}

const options = readOptions();
if (options) await withInstallation(installation => measure(installation, options));

async function measure(installation: Installation, { events, players, json }: Options): Promise<void> {
  const { redis, topology } = installation;
  const partition = topology.of('scores', SOURCE);
  logProgress(`writing ${events} scores into the log`);
  await appendScores(redis, partition, history(events, players));
  await installation.start();
  const [last] = await redis.xrevrange(partition.stream, '+', '-', 'COUNT', 1);
  const live = await measureSeconds(() => waitUntilApplied(installation, `s0-${last?.[0]}`));
  logProgress(`the source was up to date after ${live.toFixed(1)} s; defining the derived board`);
  const seconds = await measureSeconds(() => define(installation));
  logProgress('the derived board is complete; comparing it with the log');
  const entries = await compare(installation);
  print(json, 'a derived weekly board, defined late', await describeEnvironment(redis), [
    {
      'scores of the source': events,
      players,
      'entries of the board': entries,
      'seconds until whole': round(seconds),
      'scores per second': Math.round(events / seconds),
      'seconds for the source, live': round(live),
    },
  ]);
}

/** Defines the derived board and waits until it is complete. */
async function define(installation: Installation): Promise<void> {
  const { status, body } = await installation.admin.send<{ eventId: string }>(
    'PUT',
    `/v1/leaderboards/${BOARD}`,
    { source: SOURCE, filter: { region: REGION }, reset: 'weekly' },
    { Prefer: 'wait=10' },
  );
  if (status === 202) await waitUntilApplied(installation, body.eventId);
  else if (status !== 200) throw new Error(`the board cannot be defined: ${status} ${JSON.stringify(body)}`);
}

function* history(events: number, players: number): Generator<TimedScore> {
  const next = random(1);
  for (let i = 0; i < events; i++) {
    const player = `p${Math.floor(next() * players)}`;
    const region = REGIONS[Math.floor(next() * REGIONS.length)] ?? REGION;
    const score = Math.floor(next() * 100_000);
    const at = START_MS + Math.floor((i * WEEKS * WEEK_MS) / events);
    yield { at, score: { board: SOURCE, player, score, attributes: { region } } };
  }
}

async function measureSeconds(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
}

async function waitUntilApplied({ admin }: Installation, eventId: string): Promise<void> {
  for (;;) {
    const { status } = await admin.send('GET', `/v1/leaderboards/${SOURCE}`, undefined, {
      'If-Applied': eventId,
    });
    if (status === 200) return;
    if (status !== 503) throw new Error(`waiting for ${eventId}: ${status}`);
    await delay(5);
  }
}

/**
 * Compares each week of the board, entry by entry, with a board that is computed from the log.
 *
 * @returns the number of board entries
 * @throws Error at the first difference
 */
async function compare(installation: Installation): Promise<number> {
  const weeks = await computeWeeks(installation);
  let count = 0;
  for (const [period, expected] of weeks) {
    const found: ExpectedEntry[] = [];
    for (let query: string | undefined = `period=${period}`; query !== undefined; ) {
      const page: Page = await installation.admin.get(
        `/v1/leaderboards/${BOARD}/entries?limit=1000&${query}`,
      );
      if (page.total !== expected.length)
        throw new Error(`${period} has ${page.total} entries instead of ${expected.length}`);
      for (const { attributes, ...line } of page.entries) {
        if (attributes.region !== REGION) throw new Error(`${line.player} is not of ${REGION}`);
        found.push(line);
      }
      query = page.next && `cursor=${page.next}`;
    }
    for (const [i, line] of expected.entries())
      if (JSON.stringify(found[i]) !== JSON.stringify({ ...line }))
        throw new Error(`${period}: ${JSON.stringify(found[i])} instead of ${JSON.stringify(line)}`);
    if (found.length !== expected.length) throw new Error(`${period} has ${found.length} entries`);
    count += found.length;
  }
  return count;
}

/** Computes the board from the log: the best score of each player per week. */
async function computeWeeks({ redis, topology }: Installation): Promise<Map<string, ExpectedEntry[]>> {
  const { stream } = topology.of('scores', SOURCE);
  const weeks = new Map<string, Map<string, { player: string; score: number; ms: number; order: number }>>();
  let order = 0;
  for (let from = '-'; ; ) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', 10_000);
    for (const [id, [, text = '']] of page) {
      const [code, , board, player, score, attributes] = JSON.parse(text);
      if (code !== 's1' || board !== SOURCE || attributes?.region !== REGION) continue;
      const ms = Number(id.split('-')[0]);
      const week = `2026-W${String(2 + Math.floor((ms - START_MS) / WEEK_MS)).padStart(2, '0')}`;
      const best = weeks.get(week) ?? new Map();
      weeks.set(week, best);
      if (!best.has(player) || score > best.get(player).score)
        best.set(player, { player, score, ms, order: order++ });
    }
    const last = page.at(-1);
    if (!last) break;
    from = `(${last[0]}`;
  }
  return new Map([...weeks].map(([week, best]) => [week, ranked([...best.values()])]));
}

function ranked(entries: { player: string; score: number; ms: number; order: number }[]): ExpectedEntry[] {
  let rank = 0;
  return entries
    .sort((a, b) => b.score - a.score || a.order - b.order)
    .map(({ player, score, ms }, i, all) => {
      if (all[i - 1]?.score !== score) rank = i + 1;
      return { rank, player, score, achievedAt: new Date(ms).toISOString() };
    });
}

/** @returns undefined for --help */
function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      events: text,
      players: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return undefined;
  }
  return {
    events: Number(values.events ?? 1_000_000),
    players: Number(values.players ?? 100_000),
    json: values.json ?? false,
  };
}
