import { randomBytes } from 'node:crypto';
import { measureLog, type Topology } from '#libs/event-log';
import type { StreamName } from '#libs/events';
import { partitionsOf } from '#libs/leaderboards';
import type { Projection } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { script } from '../lua.js';
import type { Difference } from '../verify/difference.js';
import { activeJobKey, jobKey, jobLeaseKey } from './job-keys.js';

export type JobState = 'queued' | 'running' | 'cancelling' | 'done' | 'cancelled' | 'failed';

/** A request for a job. */
export interface JobOrder {
  readonly kind: 'rebuild' | 'verify';
  /** Only this board. */
  readonly board?: string;
  /** The partitions of the board. */
  readonly partition?: number;
  /** Fields of the rules that will change, as far as they are known. */
  readonly rules?: Readonly<Record<string, string | undefined>>;
  /** The event that needs the rebuild. It is folded even if it is a dead letter that is being retried. */
  readonly event?: string;
  /** Compare before the switch, and report the differences. */
  readonly diff?: boolean;
}

/** Number of events, and how long they took. */
export interface JobProgress {
  readonly processed: number;
  readonly total: number;
  /** Measured since the current process took over. */
  readonly eventsPerSecond: number;
}

export interface JobResult {
  readonly differences: number;
  /** The first of them. */
  readonly examples: readonly Difference[];
}

export interface Job extends JobOrder, JobProgress {
  readonly id: string;
  /** The projection's consumer group. */
  readonly group: string;
  readonly state: JobState;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly finishedAt?: number;
  readonly error?: string;
  readonly result?: JobResult;
  /** Partitions that are done. */
  readonly done: readonly number[];
}

/** A projection has one job at a time. */
export class JobActiveError extends Error {
  readonly code = 'JOB_ACTIVE';
  override readonly name = 'JobActiveError';

  constructor(readonly active: string) {
    super(`job ${active} is running for this projection: wait for it, or cancel it`);
  }
}

/** A finished job cannot be cancelled. */
export class JobOverError extends Error {
  readonly code = 'JOB_OVER';
  override readonly name = 'JobOverError';

  constructor(state: JobState) {
    super(`the job is ${state}: there is nothing to cancel`);
  }
}

/** How long a finished job can be queried. */
const FINISHED_TTL_SECONDS = 7 * 24 * 60 * 60;
/** How long a job is kept that was created but has not become the active one. */
const UNCONFIRMED_TTL_SECONDS = 60;
/** After this time without a renewal, another process may take over the job. */
const LEASE_MS = 5_000;

const lease = script<number>('lease');

/** The jobs of projections and their progress. They are stored in Redis, so that any process can continue one. */
export class Jobs {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /**
   * @throws JobActiveError
   * @throws LogDamagedError if the log has lost events
   */
  async start(
    { name: group, stream }: Pick<Projection<never>, 'name' | 'stream'>,
    order: JobOrder,
  ): Promise<Job> {
    const partitions = await this.partitionsOf(stream, order);
    await Promise.all(partitions.map(keys => measureLog(this.redis, keys)));
    const id = `${group}-${Date.now().toString(36)}${randomBytes(3).toString('hex')}`;
    const { prefix } = this.topology;
    const key = jobKey(prefix, id);
    await this.redis.hset(key, {
      group,
      order: JSON.stringify(order),
      state: 'queued',
      startedAt: Date.now(),
    });
    // Until it is the active job, losing it does no harm.
    await this.redis.expire(key, UNCONFIRMED_TTL_SECONDS);
    const active = await this.activate(group, id);
    if (active !== id) {
      await this.redis.unlink(key);
      throw new JobActiveError(active);
    }
    await this.redis.persist(key);
    return (await this.find(id)) as Job;
  }

  /** A board is rebuilt from its own partitions, even if other partitions have lost events. */
  private partitionsOf(stream: StreamName, { board, partition }: JobOrder) {
    if (board === undefined) return this.topology.all(stream);
    if (partition !== undefined) return [this.topology.at(stream, partition)];
    return partitionsOf(this.redis, this.topology, board);
  }

  /** @returns the id of the job that is now active */
  private async activate(group: string, id: string): Promise<string> {
    const key = activeJobKey(this.topology.prefix, group);
    for (;;) {
      if ((await this.redis.set(key, id, 'NX')) === 'OK') return id;
      const other = await this.redis.get(key);
      if (other === null) continue;
      if (await this.find(other)) return other;
      // The process that created it died before storing it, or the stored job is unreadable.
      await lease.run(this.redis, [key], [other, 0]);
    }
  }

  /** @param id untrusted text; an id that cannot be a job's id is not looked up */
  async find(id: string): Promise<Job | undefined> {
    if (!/^[a-z-]{1,64}-[\da-z]{1,32}$/.test(id)) return undefined;
    const fields = await this.redis.hgetall(jobKey(this.topology.prefix, id));
    if (fields.order === undefined) return undefined;
    try {
      return parseJob(id, fields);
    } catch {
      // Not a job that we have written.
      return undefined;
    }
  }

  async active(group: string): Promise<Job | undefined> {
    const id = await this.redis.get(activeJobKey(this.topology.prefix, group));
    return id === null ? undefined : this.find(id);
  }

  /**
   * Tells the process that runs the job to stop. If none does, the job ends at once.
   *
   * @throws JobOverError
   */
  async cancel(job: Job): Promise<void> {
    if (job.finishedAt !== undefined) throw new JobOverError(job.state);
    await this.update(job, { cancel: 1 });
    if (!(await this.isTaken(job))) await this.finish(job, { state: 'cancelled' });
  }

  async isCancelled({ id }: Job): Promise<boolean> {
    return (await this.redis.hexists(jobKey(this.topology.prefix, id), 'cancel')) === 1;
  }

  /** Takes or renews the lease. @returns whether the owner may run the job for the next few seconds */
  async take(job: Job, owner: string): Promise<boolean> {
    return (
      (await lease.run(this.redis, [jobLeaseKey(this.topology.prefix, job.group)], [owner, LEASE_MS])) === 1
    );
  }

  /** Whether a process holds the lease. */
  async isTaken(job: Job): Promise<boolean> {
    return (await this.redis.exists(jobLeaseKey(this.topology.prefix, job.group))) === 1;
  }

  async giveBack(job: Job, owner: string): Promise<void> {
    await lease.run(this.redis, [jobLeaseKey(this.topology.prefix, job.group)], [owner, 0]);
  }

  async update(job: Job, fields: Readonly<Record<string, string | number>>): Promise<void> {
    await this.redis.hset(jobKey(this.topology.prefix, job.id), fields);
  }

  async finish(job: Job, fields: Readonly<Record<string, string | number>>): Promise<void> {
    await this.update(job, { ...fields, finishedAt: Date.now() });
    await this.retire(job);
  }

  /** Makes room for the next job. The process that marked this one as finished may have died before doing so. */
  async retire(job: Job): Promise<void> {
    const { prefix } = this.topology;
    await this.redis.expire(jobKey(prefix, job.id), FINISHED_TTL_SECONDS);
    // Released like a lease: only if this job is still the active one.
    await lease.run(this.redis, [activeJobKey(prefix, job.group)], [job.id, 0]);
  }
}

function parseJob(id: string, fields: Readonly<Record<string, string>>): Job {
  const {
    group = '',
    order,
    state,
    startedAt,
    finishedAt,
    error,
    result,
    processed,
    total,
    eventsPerSecond,
  } = fields;
  const done = Object.keys(fields).flatMap(field =>
    field.startsWith('done:') ? [Number(field.slice(5))] : [],
  );
  return {
    ...(JSON.parse(order ?? '{}') as JobOrder),
    id,
    group,
    // A field of its own, because writing the progress must not overwrite it.
    state: fields.cancel && finishedAt === undefined ? 'cancelling' : (state as JobState),
    processed: Number(processed ?? 0),
    total: Number(total ?? 0),
    eventsPerSecond: Number(eventsPerSecond ?? 0),
    startedAt: Number(startedAt),
    ...(finishedAt !== undefined && { finishedAt: Number(finishedAt) }),
    ...(error !== undefined && { error }),
    ...(result !== undefined && { result: JSON.parse(result) as JobResult }),
    done,
  };
}
