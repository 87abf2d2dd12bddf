import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type AnyProjection,
  type Job,
  JobActiveError,
  type JobOrder,
  JobRunner,
  Jobs,
  projectionByTitle,
  projections,
} from '#libs/maintenance';
import { Logger } from '#libs/observability';
import { askForLook, findLog } from '#libs/service';
import { logEnvironment } from './log-environment.js';
import { ProgressLine } from './progress-line.js';

/** Milliseconds between two looks at how far the job is. */
const LOOK = 200;

const TITLES = projections.map(({ title }) => title).join(', ');

const USAGE = {
  rebuild: `npm run rebuild -- <${TITLES}> [--board <board>] [--diff]

Rebuilds a projection (or one board of the ranking) from the log, while the system runs.
--diff compares before the switch, and reports what differs.`,
  verify: `npm run verify -- <${TITLES}>... [--board <board>]

Compares projections (without a name: all) with the fold of the log, while the system runs.
Exit status 1 when something differs.`,
} as const;

/** \`npm run rebuild\` and \`npm run verify\`: does a job in this process, and shows how far it is. */
export async function runJobCommand(kind: Job['kind']): Promise<never> {
  const { titles, board, diff } = readArguments(kind);
  const environment = logEnvironment();
  const logger = Logger.create({ name: kind, level: 'warn', json: environment.production });
  const { redis, topology } = await findLog(environment, kind, logger);
  // What was lost in the last seconds, only they know who saw it before.
  await askForLook(redis, topology.prefix);
  const jobs = new Jobs(redis, topology);
  let status = 0;
  for (const title of titles) {
    const projection = projectionByTitle(title);
    if (!projection) continue;
    const order = { kind, ...(board !== undefined && { board }), ...(diff && { diff }) };
    const job = await jobs.start(projection, order).catch(error => abandoned(jobs, projection, order, error));
    process.once('SIGINT', () => void jobs.cancel(job).catch(() => {}));
    const quiet = { log: () => {}, error: (text: string) => logger.error(text) };
    const runner = new JobRunner(redis, topology, projection, quiet);
    const work = runner.run(job);
    const finished = await follow(jobs, job, new ProgressLine(`${kind} ${title}`));
    await work;
    process.removeAllListeners('SIGINT');
    status = Math.max(status, report(finished, kind));
  }
  redis.disconnect();
  process.exit(status);
}

/**
 * A job for the same order whose process is gone: it is gone on with.
 *
 * @throws the error when there is none
 */
async function abandoned(jobs: Jobs, { name }: AnyProjection, order: JobOrder, error: unknown): Promise<Job> {
  const job = error instanceof JobActiveError ? await jobs.active(name) : undefined;
  const isSame = job?.kind === order.kind && job.board === order.board && job.partition === undefined;
  if (!job || !isSame || (await jobs.isTaken(job))) throw error;
  process.stderr.write(`${job.id}: resumed: the process that worked on it is gone\n`);
  return job;
}

interface Arguments {
  readonly titles: readonly string[];
  readonly board?: string | undefined;
  readonly diff: boolean;
}

function readArguments(kind: Job['kind']): Arguments {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { board: { type: 'string' }, ...(kind === 'rebuild' && { diff: { type: 'boolean' } }) },
    });
    const { board, diff = false } = values as { board?: string; diff?: boolean };
    const unknown = positionals.find(title => !projectionByTitle(title));
    if (unknown !== undefined) throw new Error(`there is no projection ${unknown}`);
    if (kind === 'rebuild' && positionals.length !== 1) throw new Error('name one projection');
    const titles = positionals.length > 0 ? positionals : projections.map(({ title }) => title);
    if (board !== undefined && titles.some(title => !projectionByTitle(title)?.boards))
      throw new Error('--board goes with the projection ranking');
    return { titles, board, diff };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE[kind]}\n`);
    process.exit(2);
  }
}

/** Shows the job until it is over, whoever works on it. */
async function follow(jobs: Jobs, { id }: Job, line: ProgressLine): Promise<Job> {
  for (;;) {
    const job = await jobs.find(id);
    if (!job) throw new Error(`job ${id} is gone`);
    line.show(job);
    if (job.finishedAt !== undefined) {
      line.end();
      return job;
    }
    await delay(LOOK);
  }
}

/** @returns the exit status */
function report({ id, state, error, result }: Job, kind: Job['kind']): number {
  for (const difference of result?.examples ?? []) process.stdout.write(`${JSON.stringify(difference)}\n`);
  const found = result ? `, ${result.differences} differences` : '';
  process.stderr.write(`${id}: ${state}${error ? `: ${error}` : ''}${found}\n`);
  return state === 'done' && (kind === 'rebuild' || result?.differences === 0) ? 0 : 1;
}
