import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { measureLog, type PartitionKeys, type Topology } from '#libs/event-log';
import type { EventType } from '#libs/events';
import { partitionsOf } from '#libs/leaderboards';
import type { Projection } from '#libs/projections';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { buildKey } from '../keys.js';
import { BuildLostError } from '../rebuild/partition-build.js';
import { Rebuild } from '../rebuild/rebuild.js';
import { sweep } from '../rebuild/sweep.js';
import type { Difference } from '../verify/difference.js';
import { verifyPartition } from '../verify/verify.js';
import { type Job, Jobs } from './jobs.js';
import { PollLoop } from './poll-loop.js';

/** How often to look for a job. */
const POLL_INTERVAL_MS = 500;
/** How often to store a job's progress. */
const PROGRESS_INTERVAL_MS = 200;
/** Maximum differences that a job reports. */
const MAX_EXAMPLES = 100;

class CancelledError extends Error {}
/** Another process holds the lease, or this one is stopping. The job continues elsewhere. */
class HandedOverError extends Error {}

/** Receives the log lines of jobs. */
export interface JobLog {
  log(message: string): void;
  error(message: string): void;
}

/** Runs the jobs of one projection. It runs in every worker; the first one to take a job's lease runs it, until it stops renewing the lease. */
export class JobRunner<State, T extends EventType, Rules> {
  private readonly owner = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  private readonly jobs: Jobs;
  private readonly loop: PollLoop;

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly projection: Projection<State, T, Rules>,
    private readonly logger: JobLog,
  ) {
    this.jobs = new Jobs(redis, topology);
    this.loop = new PollLoop(
      () => this.look(),
      () => POLL_INTERVAL_MS,
      error => {
        if (!isRedisUnavailable(error)) logger.error(`looking for jobs: ${error.stack}`);
      },
    );
  }

  /** Polls for jobs until it is stopped. */
  start(): void {
    this.loop.start();
  }

  stop(): Promise<void> {
    return this.loop.stop();
  }

  private async look(): Promise<void> {
    const job = await this.jobs.active(this.projection.name);
    if (job) await this.run(job);
  }

  /** Runs the job unless another process does. @returns whether it ran */
  async run({ id }: Pick<Job, 'id'>): Promise<boolean> {
    const known = await this.jobs.find(id);
    if (!known || !(await this.jobs.take(known, this.owner))) return false;
    // It may have changed before the lease was taken.
    const job = await this.jobs.find(id);
    if (!job || job.finishedAt !== undefined) {
      if (job) await this.jobs.retire(job);
      await this.jobs.giveBack(known, this.owner);
      return false;
    }
    const what = `${job.kind} of ${this.projection.title}${job.board ? `, board ${job.board}` : ''} (${job.id})`;
    try {
      await this.jobs.update(job, { state: 'running' });
      // Whoever worked on it died: what it had built is gone on with, or begun anew.
      const isResumed = job.state === 'running';
      this.logger.log(`${what}: ${isResumed ? 'resumed: the process that worked on it is gone' : 'begun'}`);
      const work = new JobWork(
        this.redis,
        this.topology,
        this.projection,
        this.jobs,
        job,
        this.owner,
        () => this.loop.isStopping,
      );
      const result = await work.run();
      // A rebuild of one board replaces only the latest build; a process that died may have left others.
      if (isResumed && job.kind === 'rebuild') await sweep(this.redis, this.topology, this.projection);
      await this.jobs.finish(job, { state: 'done', ...result });
      this.logger.log(`${what}: done`);
    } catch (error) {
      if (error instanceof HandedOverError || error instanceof BuildLostError || isRedisUnavailable(error)) {
        this.logger.log(`${what}: left to another process`);
      } else if (error instanceof CancelledError) {
        await this.jobs.finish(job, { state: 'cancelled' });
        this.logger.log(`${what}: cancelled`);
        await this.clear(job);
      } else {
        // Mark it as failed first, so that a job that always fails is not started again and again.
        await this.jobs.finish(job, { state: 'failed', error: (error as Error).message });
        this.logger.error(`${what}: failed: ${(error as Error).stack}`);
        await this.clear(job);
      }
    }
    await this.jobs.giveBack(job, this.owner).catch(() => {});
    return true;
  }

  /** Deletes the unfinished build of a job. */
  private async clear({ id, kind, group }: Job): Promise<void> {
    if (kind !== 'rebuild') return;
    for (const keys of this.topology.all(this.projection.stream)) {
      const build = buildKey(keys, group);
      if ((await this.redis.hget(build, 'job')) === id) await this.redis.unlink(build);
    }
    await sweep(this.redis, this.topology, this.projection);
  }
}

/** One run of a job in this process. */
class JobWork<State, T extends EventType, Rules> {
  private readonly began = performance.now();
  private noted = 0;
  /** Events in the partitions that are done. */
  private before = 0;
  /** Events that had been folded before this process took over. */
  private found = 0;
  private total = 0;
  private differences = 0;
  private readonly examples: Difference[] = [];

  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
    private readonly projection: Projection<State, T, Rules>,
    private readonly jobs: Jobs,
    private readonly job: Job,
    private readonly owner: string,
    private readonly isStopping: () => boolean,
  ) {}

  /** @returns fields of the finished job */
  async run(): Promise<Record<string, string | number>> {
    const { board, kind, diff } = this.job;
    const partitions = await this.partitions();
    const lengths = await Promise.all(
      partitions.map(async keys => (await measureLog(this.redis, keys)).length),
    );
    this.total = lengths.reduce((sum, length) => sum + length, 0);
    // Shards of a board can only be compared if all of them are folded under the same rules.
    const isOneStep = kind === 'rebuild' && board !== undefined;
    for (const step of isOneStep ? [partitions] : partitions.map(keys => [keys])) {
      const size = step.reduce((sum, keys) => sum + (lengths[partitions.indexOf(keys)] ?? 0), 0);
      if (step.every(({ partition }) => this.job.done.includes(partition))) {
        this.before += size;
        this.found = this.before;
        continue;
      }
      await this.checkpoint();
      if (kind === 'verify' || diff) for (const keys of step) await this.verify(keys);
      if (kind === 'rebuild') await this.rebuild(step);
      this.before += size;
      const done = step.map(({ partition }) => [`done:${partition}`, 1] as const);
      await this.jobs.update(this.job, Object.fromEntries(done));
    }
    if (kind === 'rebuild' && board === undefined) await sweep(this.redis, this.topology, this.projection);
    const result = { differences: this.differences, examples: this.examples };
    return {
      ...this.progress(0),
      ...((kind === 'verify' || diff) && { result: JSON.stringify(result) }),
    };
  }

  private async partitions(): Promise<readonly PartitionKeys[]> {
    const { stream } = this.projection;
    const { board, partition } = this.job;
    if (board === undefined) return this.topology.all(stream);
    const all = await partitionsOf(this.redis, this.topology, board);
    if (partition === undefined) return all;
    const asked = this.topology.at(stream, partition);
    return all.length > 1 && all.includes(asked) ? all : [asked];
  }

  /** Builds several partitions first, then switches them at nearly the same time. */
  private async rebuild(all: readonly PartitionKeys[]): Promise<void> {
    const { id, board, partition, rules, event } = this.job;
    const processed = new Map<PartitionKeys, number>();
    const works = all.map(keys => {
      const onProgress = (count: number) => {
        processed.set(keys, count);
        return this.tick([...processed.values()].reduce((sum, one) => sum + one));
      };
      // Rules of other partitions include their own events.
      const own = partition === undefined || partition === keys.partition ? { rules, event } : {};
      const boards = board === undefined ? undefined : [board];
      const options = { job: id, owner: this.owner, boards, ...own, onProgress };
      return { keys, rebuild: new Rebuild(this.redis, this.projection, options) };
    });
    const builds = await allOf(works.map(({ keys, rebuild }) => rebuild.prepare(keys)));
    await allOf(works.map(({ keys, rebuild }, i) => rebuild.finish(keys, builds[i])));
  }

  private async verify(keys: PartitionKeys): Promise<void> {
    const { board, kind } = this.job;
    const differences = await verifyPartition(this.redis, this.projection, keys, board, async processed =>
      this.tick(kind === 'verify' ? processed : 0),
    );
    this.differences += differences.length;
    this.examples.push(...differences.slice(0, MAX_EXAMPLES - this.examples.length));
  }

  private progress(processed: number): Record<'processed' | 'total' | 'eventsPerSecond', number> {
    const all = this.before + processed;
    const seconds = (performance.now() - this.began) / 1_000;
    return {
      processed: all,
      // New events keep arriving.
      total: Math.max(this.total, all),
      eventsPerSecond: Math.round((all - this.found) / seconds),
    };
  }

  /** @throws CancelledError, HandedOverError */
  private async tick(processed: number): Promise<void> {
    const now = performance.now();
    if (now - this.noted < PROGRESS_INTERVAL_MS) return;
    this.noted = now;
    await this.checkpoint();
    await this.jobs.update(this.job, this.progress(processed));
  }

  private async checkpoint(): Promise<void> {
    if (this.isStopping()) throw new HandedOverError();
    if (!(await this.jobs.take(this.job, this.owner))) throw new HandedOverError();
    if (await this.jobs.isCancelled(this.job)) throw new CancelledError();
  }
}

/** Waits for all of them even if one fails, so that none keeps running. */
async function allOf<Result>(works: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
