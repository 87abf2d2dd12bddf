import type { Topology } from '#libs/event-log';
import { JobActiveError, type JobOrder, Jobs } from '#libs/maintenance';
import { type Projection, RebuildImpossibleError, type RebuildListener } from '#libs/projections';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';

/** Minimum time between two requests. */
const REQUEST_INTERVAL_MS = 500;
/** How long a failure is remembered: long enough to find the one event of a batch that caused it. */
const FAILURE_CACHE_MS = 2_000;

/**
 * Starts rebuild jobs for boards whose events have to wait for a rebuild. Such an event is delivered again and again until
 * its board is rebuilt. If the job is refused or fails, the event gets a `RebuildImpossibleError`.
 */
export class RebuildRequests {
  private readonly jobs: Jobs;
  private nextRequest = 0;
  /** The id of the latest job, by partition and board. */
  private readonly jobIds = new Map<string, string>();
  private readonly failures = new Map<
    string,
    { readonly error: RebuildImpossibleError; readonly until: number }
  >();

  constructor(
    redis: RedisClient,
    topology: Topology,
    private readonly projection: Pick<Projection<never>, 'name' | 'stream'>,
  ) {
    this.jobs = new Jobs(redis, topology);
  }

  /** @returns the reason when the rebuild is known to be impossible; undefined while it is pending */
  request(
    ...[board, partition, rules, event]: Parameters<RebuildListener>
  ): RebuildImpossibleError | undefined {
    const place = `${partition}/${board}`;
    const refusal = this.failures.get(place);
    if (refusal && performance.now() < refusal.until) return refusal.error;
    this.failures.delete(place);
    if (performance.now() >= this.nextRequest) {
      this.nextRequest = performance.now() + REQUEST_INTERVAL_MS;
      // Nobody awaits the promise, so errors are recorded for the next request.
      this.startJob(place, { board, partition, rules, event }).catch(error =>
        this.recordFailure(place, board, error),
      );
    }
    return undefined;
  }

  private async startJob(place: string, order: Omit<JobOrder, 'kind'>): Promise<void> {
    const before = await this.lastJob(place);
    if (before && before.finishedAt === undefined) return;
    this.jobIds.delete(place);
    if (before?.state === 'failed') throw new Error(before.error);
    const { id } = await this.jobs.start(this.projection, { kind: 'rebuild', ...order });
    this.jobIds.set(place, id);
  }

  private async lastJob(place: string) {
    const id = this.jobIds.get(place);
    return id === undefined ? undefined : this.jobs.find(id);
  }

  private recordFailure(place: string, board: string, error: Error): void {
    if (error instanceof JobActiveError || isRedisUnavailable(error)) return;
    const until = performance.now() + FAILURE_CACHE_MS;
    this.failures.set(place, { error: new RebuildImpossibleError(board, error.message), until });
  }
}
