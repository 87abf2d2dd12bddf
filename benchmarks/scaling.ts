import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { PartitionKeys } from '#libs/event-log';
import { leaderboards } from '#libs/leaderboards';
import { nodesOf } from '#libs/redis';
import { type Installation, withInstallation } from './installation.js';
import { circumstances, print, rounded, say } from './report.js';
import { appendScores } from './score-log.js';
import { SeasonedScores } from './seasoned-scores.js';
import { countAcknowledged, workingRate } from './working-rate.js';

const USAGE = `npm run bench:scaling -- [options]

How fast ranking projectors take scores that wait for them: by number of workers, of partitions, and on one Redis or
the three masters of a cluster. Where there are fewer cores than processes, CPU seconds say what throughput cannot:
a Redis of one thread is full at a million events in as many seconds as it needs CPU for them.

  --workers N,N      (default: 1,2,4)
  --partitions N,N   (default: 1,2,4)
  --masters N,N      1 and 3; 3 only with the greatest number of partitions (default: 1,3)
  --events N         in all partitions together (default: 400000)
  --players N        each has one score that is not measured (default: 100000)
  --json             print figures for programs
`;

const SERVICE = 'ranking-projector';
/** In each partition. */
const BOARDS = 5;
/** Of Linux: units of CPU time in a second. */
const TICKS = 100;

interface Options {
  readonly workers: readonly number[];
  readonly partitions: readonly number[];
  readonly masters: readonly number[];
  readonly events: number;
  readonly players: number;
  readonly json: boolean;
}

interface Setting {
  readonly masters: number;
  readonly partitions: number;
  readonly workers: number;
}

const options = readOptions();
if (options) await run(options);

async function run({ json, ...amounts }: Options): Promise<void> {
  const rows: Record<string, number>[] = [];
  let where: Awaited<ReturnType<typeof circumstances>> | undefined;
  for (const setting of settingsOf(amounts)) {
    const { masters, partitions: scores } = setting;
    await withInstallation(
      async installation => {
        const figures = await measure(installation, setting, amounts);
        rows.push({ ...setting, ...figures });
        say(JSON.stringify(rows.at(-1)));
        where ??= await circumstances(installation.redis);
      },
      { partitions: { scores, players: 1 }, isCluster: masters > 1 },
    );
  }
  const title = `workers, partitions and masters: ${amounts.events} scores of ${amounts.players} players`;
  if (where) print(json, title, where, rows);
}

function settingsOf({ masters, partitions, workers }: Omit<Options, 'json'>): Setting[] {
  return masters.flatMap(count =>
    (count === 1 ? partitions : [Math.max(...partitions)]).flatMap(each =>
      workers.map(worker => ({ masters: count, partitions: each, workers: worker })),
    ),
  );
}

async function measure(
  installation: Installation,
  { workers }: Setting,
  { players, events }: Pick<Options, 'players' | 'events'>,
): Promise<Record<string, number>> {
  const { redis, topology } = installation;
  const partitions = topology.all('scores');
  for (const keys of partitions) {
    const scores = new SeasonedScores(players / partitions.length, boardsOf(installation, keys));
    await appendScores(redis, keys, scores.history());
    await appendScores(redis, keys, scores.later(events / partitions.length));
  }
  const services = await installation.start(Array.from({ length: workers }, () => SERVICE));
  const countDone = async () =>
    sum(
      await Promise.all(partitions.map(({ stream }) => countAcknowledged(redis, stream, leaderboards.name))),
    );
  const spent = async () => ({
    redis: await Promise.all(nodesOf(redis).map(async node => cpuOfRedis(await node.info('cpu')))),
    workers: sum(services.map(({ pid }) => cpuOfProcess(pid))),
  });
  let before: Awaited<ReturnType<typeof spent>> | undefined;
  const rate = await workingRate(countDone, players, players + events, async () => {
    before = await spent();
  });
  const after = await spent();
  const masters = after.redis.map((seconds, n) => seconds - (before?.redis[n] ?? 0));
  const perMillion = (seconds: number) => rounded((seconds * 1_000_000) / events, 1);
  return {
    'events/s': rounded(rate, 0),
    'Redis, CPU s/million': perMillion(sum(masters)),
    'busiest master, CPU s/million': perMillion(Math.max(...masters)),
    'workers, CPU s/million': perMillion(after.workers - (before?.workers ?? 0)),
  };
}

/** Boards that are at home in a partition. */
function boardsOf({ topology }: Installation, { stream }: PartitionKeys): string[] {
  const found: string[] = [];
  for (let n = 0; found.length < BOARDS; n++)
    if (topology.of('scores', `board-${n}`).stream === stream) found.push(`board-${n}`);
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** @param info of the section `cpu`. @returns seconds, of all threads */
function cpuOfRedis(info: string): number {
  return sum([...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, seconds]) => Number(seconds)));
}

/** Seconds of CPU that a process has used; on Linux. */
function cpuOfProcess(pid: number | undefined): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) / TICKS;
}

/** @returns nothing when only help was asked for */
function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      ...{ workers: text, partitions: text, masters: text, events: text, players: text },
      ...{ json: flag, help: { ...flag, short: 'h' } },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return undefined;
  }
  const numbers = (list = '') => list.split(',').map(Number);
  return {
    workers: numbers(values.workers ?? '1,2,4'),
    partitions: numbers(values.partitions ?? '1,2,4'),
    masters: numbers(values.masters ?? '1,3'),
    events: Number(values.events ?? 400_000),
    players: Number(values.players ?? 100_000),
    json: values.json ?? false,
  };
}
