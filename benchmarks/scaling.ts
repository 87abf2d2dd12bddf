import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { PartitionKeys } from '#libs/event-log';
import { leaderboards } from '#libs/leaderboards';
import { nodesOf } from '#libs/redis';
import { type Installation, withInstallation } from './installation.js';
import { countAcknowledged, measureRate } from './measure-rate.js';
import { describeEnvironment, logProgress, print, round } from './report.js';
import { ReturningPlayers } from './returning-players.js';
import { appendScores } from './score-log.js';

const USAGE = `npm run bench:scaling -- [options]

Measures how fast ranking projectors process waiting scores, by number of workers and partitions, on one Redis and on a
cluster of three masters. With fewer cores than processes, use the CPU seconds instead of the throughput: Redis has one
thread, so it needs at least as many seconds for a million events as it uses CPU seconds for them.

  --workers N,N      (default: 1,2,4)
  --partitions N,N   (default: 1,2,4)
  --masters N,N      1, 3, or both; 3 only with the greatest number of partitions (default: 1,3)
  --events N         total number of events in all partitions (default: 400000)
  --players N        number of players; each has one more score that is not measured (default: 100000)
  --json             print figures as JSON
`;

const SERVICE = 'ranking-projector';

const BOARDS_PER_PARTITION = 5;
/** Linux counts CPU time in units of 10 ms. */
const TICKS_PER_SECOND = 100;

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
  let where: Awaited<ReturnType<typeof describeEnvironment>> | undefined;
  for (const setting of settingsOf(amounts)) {
    const { masters, partitions: scores } = setting;
    await withInstallation(
      async installation => {
        const figures = await measure(installation, setting, amounts);
        rows.push({ ...setting, ...figures });
        logProgress(JSON.stringify(rows.at(-1)));
        where ??= await describeEnvironment(installation.redis);
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
    const scores = new ReturningPlayers(players / partitions.length, boardsOf(installation, keys));
    await appendScores(redis, keys, scores.firstScores());
    await appendScores(redis, keys, scores.laterScores(events / partitions.length));
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
  const rate = await measureRate(countDone, players, players + events, async () => {
    before = await spent();
  });
  const after = await spent();
  const masters = after.redis.map((seconds, n) => seconds - (before?.redis[n] ?? 0));
  const perMillion = (seconds: number) => round((seconds * 1_000_000) / events, 1);
  return {
    'events/s': round(rate, 0),
    'Redis, CPU s/million': perMillion(sum(masters)),
    'busiest master, CPU s/million': perMillion(Math.max(...masters)),
    'workers, CPU s/million': perMillion(after.workers - (before?.workers ?? 0)),
  };
}

/** Finds names of boards that belong to a partition. */
function boardsOf({ topology }: Installation, { stream }: PartitionKeys): string[] {
  const found: string[] = [];
  for (let n = 0; found.length < BOARDS_PER_PARTITION; n++)
    if (topology.of('scores', `board-${n}`).stream === stream) found.push(`board-${n}`);
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** @param info the output of INFO cpu. @returns CPU seconds of all threads */
function cpuOfRedis(info: string): number {
  return sum([...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, seconds]) => Number(seconds)));
}

/** CPU seconds that a process has used. Only on Linux. */
function cpuOfProcess(pid: number | undefined): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) / TICKS_PER_SECOND;
}

/** @returns undefined for --help */
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
