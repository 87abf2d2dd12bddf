import type { PartitionKeys } from '#libs/event-log';
import type { RecordedEvent } from '#libs/events';
import {
  type BoardEntry,
  type LeaderboardEvent,
  type LeaderboardRules,
  leaderboards,
} from '#libs/leaderboards';
import { type Job, JobActiveError, type JobOrder, JobRunner, Jobs } from '#libs/maintenance';
import { Projector } from '#libs/projections';
import { work } from './deliveries.js';
import type { TestLog } from './test-log.js';

export type BoardEvent = RecordedEvent<LeaderboardEvent>;

/** The logger of a job that goes well. */
export const QUIET = { log: () => {}, error: (text: string) => expect(text).toBeUndefined() };

/** Two workers, and what they do when a board must be built anew. */
export class BoardWorkers {
  private readonly jobs: Jobs;
  private readonly runner: JobRunner<BoardEntry, LeaderboardEvent, LeaderboardRules>;
  private wanted: JobOrder | undefined;

  constructor(private readonly test: TestLog) {
    this.jobs = new Jobs(test.redis, test.topology);
    this.runner = new JobRunner(test.redis, test.topology, leaderboards, QUIET);
  }

  async project(keys: PartitionKeys, shares: readonly BoardEvent[][][]): Promise<number> {
    const applied = await Promise.all(shares.map(share => this.work(keys, share)));
    return applied.reduce((sum, count) => sum + count, 0);
  }

  async run(order: JobOrder): Promise<Job | undefined> {
    const job = await this.jobs.start(leaderboards, order).catch(error => {
      if (!(error instanceof JobActiveError)) throw error;
    });
    if (!job) return undefined;
    await this.runner.run(job);
    return this.jobs.find(job.id);
  }

  private work(keys: PartitionKeys, batches: readonly BoardEvent[][]): Promise<number> {
    const projector = new Projector(this.test.redis, leaderboards, (board, partition, rules) => {
      this.wanted = { kind: 'rebuild', board, partition, rules };
    });
    return work(batches, async batch => {
      const settlement = await projector.apply(batch, { keys, group: leaderboards.name });
      const { wanted } = this;
      this.wanted = undefined;
      if (wanted) await this.run(wanted);
      return settlement;
    });
  }
}
