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

/** What is to be done. */
export interface JobOrder {
  readonly kind: 'rebuild' | 'verify';
  /** Only this board. */
  readonly board?: string;
  /** Where the board is. */
  readonly partition?: number;
  /** Fields of the rules that are known to change by it. */
  readonly rules?: Readonly<Record<string, string | undefined>>;
  /** The event that needs it: it is in what is built, though it may be a dead letter that is tried again. */
  readonly event?: string;
  /** Compare before the switch, and report what differs. */
  readonly diff?: boolean;
}

/** Events, and the time that they took. */
export interface JobProgress {
  readonly processed: number;
  readonly total: number;
  /** By whoever works on it now, since it began. */
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
    super(`job ${active} is under way for this projection: wait for it, or cancel it`);
  }
}

/** What is over cannot be cancelled. */
export class JobOverError extends Error {
  readonly code = 'JOB_OVER';
  override readonly name = 'JobOverError';

  constructor(state: JobState) {
    super(`the job is ${state}: there is nothing to cancel`);
  }
}

/** For how long a finished job can be asked for, in seconds. */
const KEPT = 7 * 24 * 60 * 60;
/** For how long one is kept that was begun only, in seconds. */
const BEGUN = 60;
/** Milliseconds after which a job whose process is silent is another's to go on with. */
const LEASE = 5_000;

const lease = script<number>('lease');

/** What is to be done to projections, and how far it is; kept in Redis, so that any process can go on with it. */
export class Jobs {
  constructor(
    private readonly redis: RedisClient,
    private readonly topology: Topology,
  ) {}

  /**
   * @throws JobActiveError
   * @throws LogDamagedError when the log is not whole
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
    // Until it is the active one, it is nothing that must be kept.
    await this.redis.expire(key, BEGUN);
    const active = await this.activate(group, id);
    if (active !== id) {
      await this.redis.unlink(key);
      throw new JobActiveError(active);
    }
    await this.redis.persist(key);
    return (await this.find(id)) as Job;
  }

  /** A board is rebuilt from its own partitions, whatever the others have lost. */
  private partitionsOf(stream: StreamName, { board, partition }: JobOrder) {
    if (board === undefined) return this.topology.all(stream);
    if (partition !== undefined) return [this.topology.at(stream, partition)];
    return partitionsOf(this.redis, this.topology, board);
  }

  /** @returns the id of the job that is the active one now */
  private async activate(group: string, id: string): Promise<string> {
    const key = activeJobKey(this.topology.prefix, group);
    for (;;) {
      if ((await this.redis.set(key, id, 'NX')) === 'OK') return id;
      const other = await this.redis.get(key);
      if (other === null) continue;
      if (await this.find(other)) return other;
      // Whoever began it died before it was kept, or nobody can read what is kept.
      await lease.run(this.redis, [key], [other, 0]);
    }
  }

  /** @param id any text: what cannot be one of ours names no key */
  async find(id: string): Promise<Job | undefined> {
    if (!/^[a-z-]{1,64}-[\da-z]{1,32}$/.test(id)) return undefined;
    const fields = await this.redis.hgetall(jobKey(this.topology.prefix, id));
    if (fields.order === undefined) return undefined;
    try {
      return parseJob(id, fields);
    } catch {
      // No job of ours: whoever waits for it waits in vain.
      return undefined;
    }
  }

  async active(group: string): Promise<Job | undefined> {
    const id = await this.redis.get(activeJobKey(this.topology.prefix, group));
    return id === null ? undefined : this.find(id);
  }

  /**
   * Has whoever works on it stop. Without anybody, it is over at once.
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

  /** @returns whether the job is the owner's to work on, for the next few seconds */
  async take(job: Job, owner: string): Promise<boolean> {
    return (
      (await lease.run(this.redis, [jobLeaseKey(this.topology.prefix, job.group)], [owner, LEASE])) === 1
    );
  }

  /** Whether a process works on it, as far as is known. */
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

  /** Makes room for the next job. Whoever noted that this one is over may have died before that. */
  async retire(job: Job): Promise<void> {
    const { prefix } = this.topology;
    await this.redis.expire(jobKey(prefix, job.id), KEPT);
    // Given back like a lease: only if it still is this job.
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
    // A flag of its own: whoever notes how far the job is must not undo it.
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
