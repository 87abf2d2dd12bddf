import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type Settlement, Topology } from '#libs/event-log';
import type { EventType, RecordedEvent } from '#libs/events';
import {
  Eraser,
  JobActiveError,
  type JobOrder,
  JobRunner,
  Jobs,
  type Projection,
  Projector,
  projections,
  type Source,
} from '#libs/projections';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { REDIS } from './log.module.js';

/** Milliseconds between two attempts to have a board rebuilt. */
const PATIENCE = 500;

/** What a worker does with a projection: it applies batches, works on the projection's jobs beside that, and erases players. */
export class ProjectionWorker<State, T extends EventType, Rules = undefined>
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly projector: Projector<State, T, Rules>;
  private readonly runner: JobRunner<State, T, Rules>;
  private readonly jobs: Jobs;
  private readonly eraser: Eraser;
  private nextRequest = 0;

  constructor(
    redis: RedisClient,
    topology: Topology,
    private readonly projection: Projection<State, T, Rules>,
  ) {
    this.jobs = new Jobs(redis, topology);
    this.projector = new Projector(redis, projection, (board, partition, rules) => {
      void this.requestRebuild({ kind: 'rebuild', board, partition, rules });
    });
    this.runner = new JobRunner(redis, topology, projection, new Logger('Jobs'));
    this.eraser = new Eraser(redis, topology, projections, new Logger('Eraser'));
  }

  apply(events: readonly RecordedEvent<T>[], source: Source): Promise<Settlement> {
    return this.projector.apply(events, source);
  }

  onApplicationBootstrap(): void {
    this.runner.start();
    this.eraser.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.runner.stop(), this.eraser.stop()]);
  }

  /** The event that needs it is delivered again and again until the board is rebuilt: this may fail. */
  private async requestRebuild(order: JobOrder): Promise<void> {
    if (Date.now() < this.nextRequest) return;
    this.nextRequest = Date.now() + PATIENCE;
    try {
      await this.jobs.start(this.projection, order);
    } catch (error) {
      if (error instanceof JobActiveError || isRedisUnavailable(error)) return;
      throw error;
    }
  }
}

@Module({})
export class ProjectionModule {
  /** Injects the `ProjectionWorker` of a projection. Expects `LogModule`, which is global. */
  static of<State, T extends EventType, Rules>(projection: Projection<State, T, Rules>): DynamicModule {
    const provider = {
      provide: ProjectionWorker,
      inject: [REDIS, Topology],
      useFactory: (redis: RedisClient, topology: Topology) =>
        new ProjectionWorker(redis, topology, projection),
    };
    return { module: ProjectionModule, providers: [provider], exports: [ProjectionWorker] };
  }
}
