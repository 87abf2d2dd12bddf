import type { Topology } from '#libs/event-log';
import { JobActiveError, type JobOrder, Jobs } from '#libs/maintenance';
import { type Projection, RebuildImpossibleError, type RebuildListener } from '#libs/projections';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';

/** Milliseconds between two attempts to have a board rebuilt. */
const PATIENCE_MS = 500;
/** Milliseconds for which a refusal holds: as long as it takes to find the one event in a batch that it is about. */
const REFUSAL_MS = 2_000;

/**
 * Has boards rebuilt that events wait for: an event is delivered again and again until its board is rebuilt. Where that is
 * impossible, because the job is refused or has failed, the event is told so.
 */
export class RebuildRequests {
  private readonly jobs: Jobs;
  private nextRequest = 0;
  /** By partition and board: the job that was begun for it. */
  private readonly begun = new Map<string, string>();
  private readonly refusals = new Map<
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

  /** @returns why it is impossible, as far as that is known */
  request(
    ...[board, partition, rules, event]: Parameters<RebuildListener>
  ): RebuildImpossibleError | undefined {
    const place = `${partition}/${board}`;
    const refusal = this.refusals.get(place);
    if (refusal && performance.now() < refusal.until) return refusal.error;
    this.refusals.delete(place);
    if (performance.now() >= this.nextRequest) {
      this.nextRequest = performance.now() + PATIENCE_MS;
      // Whatever goes wrong is remembered, never thrown: nobody waits for it.
      this.begin(place, { board, partition, rules, event }).catch(error => this.refuse(place, board, error));
    }
    return undefined;
  }

  private async begin(place: string, order: Omit<JobOrder, 'kind'>): Promise<void> {
    const before = await this.lastJob(place);
    if (before && before.finishedAt === undefined) return;
    this.begun.delete(place);
    if (before?.state === 'failed') throw new Error(before.error);
    const { id } = await this.jobs.start(this.projection, { kind: 'rebuild', ...order });
    this.begun.set(place, id);
  }

  private async lastJob(place: string) {
    const id = this.begun.get(place);
    return id === undefined ? undefined : this.jobs.find(id);
  }

  private refuse(place: string, board: string, error: Error): void {
    if (error instanceof JobActiveError || isRedisUnavailable(error)) return;
    const until = performance.now() + REFUSAL_MS;
    this.refusals.set(place, { error: new RebuildImpossibleError(board, error.message), until });
  }
}
