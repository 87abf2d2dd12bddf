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
import { openExistingLog, requestLogCheck } from '#libs/service';
import { logEnvironment } from './log-environment.js';
import { ProgressLine } from './progress-line.js';

/** How often the progress of the job is read. */
const POLL_MS = 200;

const PROJECTION_TITLES = projections.map(({ title }) => title).join(', ');

const USAGE = {
  rebuild: `npm run rebuild -- <${PROJECTION_TITLES}> [--board <board>] [--diff]

Rebuilds a projection, or one board of the ranking, from the log while the system is running.
--diff compares both generations before the switch and reports the differences.`,
  verify: `npm run verify -- <${PROJECTION_TITLES}>... [--board <board>]

Compares projections with the log while the system is running. Without a name it verifies all of them.
The exit status is 1 when there are differences.`,
} as const;

/** `npm run rebuild` and `npm run verify`: runs a job in this process and shows its progress. */
export async function runJobCommand(kind: Job['kind']): Promise<never> {
  const { titles, board, diff } = readArguments(kind);
  const environment = logEnvironment();
  const logger = Logger.create({ name: kind, level: 'warn', json: environment.isProduction });
  const { redis, topology } = await openExistingLog(environment, kind, logger);
  // What was lost in the last seconds, only they know who saw it before.
  await requestLogCheck(redis, topology.prefix);
  const jobs = new Jobs(redis, topology);
  let status = 0;
  for (const title of titles) {
    const projection = projectionByTitle(title);
    if (!projection) continue;
    const order = { kind, ...(board !== undefined && { board }), ...(diff && { diff }) };
    const job = await jobs
      .start(projection, order)
      .catch(error => findAbandonedJob(jobs, projection, order, error));
    process.once('SIGINT', () => void jobs.cancel(job).catch(() => {}));
    const quiet = { log: () => {}, error: (text: string) => logger.error(text) };
    const runner = new JobRunner(redis, topology, projection, quiet);
    const work = runner.run(job);
    const finished = await showUntilFinished(jobs, job, new ProgressLine(`${kind} ${title}`));
    await work;
    process.removeAllListeners('SIGINT');
    status = Math.max(status, report(finished, kind));
  }
  redis.disconnect();
  process.exit(status);
}

/**
 * Finds an unfinished job for the same order whose process is gone, to resume it.
 *
 * @throws the given error when there is no such job
 */
async function findAbandonedJob(
  jobs: Jobs,
  { name }: AnyProjection,
  order: JobOrder,
  error: unknown,
): Promise<Job> {
  const job = error instanceof JobActiveError ? await jobs.active(name) : undefined;
  const isSame = job?.kind === order.kind && job.board === order.board && job.partition === undefined;
  if (!job || !isSame || (await jobs.isTaken(job))) throw error;
  process.stderr.write(`${job.id}: resumed, because the process that ran it is gone\n`);
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
    if (unknown !== undefined) throw new Error(`unknown projection "${unknown}": use ${PROJECTION_TITLES}`);
    if (kind === 'rebuild' && positionals.length !== 1) throw new Error('give the name of one projection');
    const titles = positionals.length > 0 ? positionals : projections.map(({ title }) => title);
    if (board !== undefined && titles.some(title => !projectionByTitle(title)?.boardScope))
      throw new Error('--board is only allowed for the projection ranking');
    return { titles, board, diff };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE[kind]}\n`);
    process.exit(2);
  }
}

/** Shows the progress of the job until it is finished, whichever process runs it. */
async function showUntilFinished(jobs: Jobs, { id }: Job, line: ProgressLine): Promise<Job> {
  for (;;) {
    const job = await jobs.find(id);
    if (!job) throw new Error(`job ${id} is gone`);
    line.show(job);
    if (job.finishedAt !== undefined) {
      line.end();
      return job;
    }
    await delay(POLL_MS);
  }
}

/** @returns the exit status */
function report({ id, state, error, result }: Job, kind: Job['kind']): number {
  for (const difference of result?.examples ?? []) process.stdout.write(`${JSON.stringify(difference)}\n`);
  const found = result ? `, ${result.differences} differences` : '';
  process.stderr.write(`${id}: ${state}${error ? `: ${error}` : ''}${found}\n`);
  return state === 'done' && (kind === 'rebuild' || result?.differences === 0) ? 0 : 1;
}
