import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Logger,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { type Settlement, Topology } from '#libs/event-log';
import type { EventType, RecordedEvent } from '#libs/events';
import { Eraser, JobRunner, projections } from '#libs/maintenance';
import { type Projection, Projector, type Source } from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { REDIS } from './log.module.js';
import { RebuildRequests } from './rebuild-requests.js';

/** Runs a projection in a worker: applies batches of events, runs the jobs of the projection, and erases players. */
export class ProjectionWorker<State, T extends EventType, Rules = undefined>
  implements OnApplicationBootstrap, BeforeApplicationShutdown
{
  private readonly projector: Projector<State, T, Rules>;
  private readonly runner: JobRunner<State, T, Rules>;
  private readonly eraser: Eraser;

  constructor(redis: RedisClient, topology: Topology, projection: Projection<State, T, Rules>) {
    const requests = new RebuildRequests(redis, topology, projection);
    this.projector = new Projector(redis, projection, (...what) => requests.request(...what));
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
}

@Module({})
export class ProjectionModule {
  /** Provides the `ProjectionWorker` of a projection. Needs the global `LogModule`. */
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
