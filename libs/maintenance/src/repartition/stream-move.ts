import { measureLog, type PartitionKeys, PartitionLog, type Topology } from '#libs/event-log';
import { type EventId, formatEventId, type StreamName } from '#libs/events';
import type { RedisClient } from '#libs/redis';
import { prepareDocuments } from '#libs/search';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';
import { type AnyProjection, groupsOf, projections } from '../projections/projections.js';
import { catchUp, rulesOf } from '../rebuild/catch-up.js';
import { sweep } from '../rebuild/sweep.js';
import { LogChangedError } from './errors.js';
import { retire } from './leftovers.js';
import { Logins } from './logins.js';
import { copyOrphans } from './orphans.js';
import { PartitionLostError, type PartitionWriter, withEntry } from './partition-writer.js';
import { type Skipped, StreamReplay } from './stream-replay.js';

const finishPartition = script<number>('finish-partition');
const openBuild = script<0 | 1>('open-build');

/** Receives progress; may throw to stop. */
export type OnProgress = (phase: 'replay' | 'build', processed: number, total: number) => Promise<void>;

/** How far a new partition has been compared with what was written. */
interface Look {
  readonly position: string;
  readonly count: number;
  readonly checksum: number;
}

const UNSEEN: Look = { position: '0-0', count: 0, checksum: 0 };

/** Repartitions one stream: its log, the records beside it, and its projections. */
export class StreamMove {
  private readonly replay: StreamReplay;
  private readonly projections: readonly AnyProjection[];
  private readonly logins: Logins | undefined;
  /** The number of events at the beginning. */
  private total = 0;
  /** By partition: the number of entries in the projections. */
  private readonly built = new Map<PartitionWriter, number>();
  private readonly looks = new Map<PartitionWriter, Look>();

  /**
   * @param from the old partitions
   * @param to the new partitions
   * @param attempt the name of the attempt
   */
  constructor(
    private readonly redis: RedisClient,
    private readonly from: Topology,
    private readonly to: Topology,
    private readonly stream: StreamName,
    skipped: Skipped,
    private readonly attempt: string,
    private readonly onProgress: OnProgress,
  ) {
    this.replay = new StreamReplay(redis, from, to, stream, skipped);
    this.projections = projections.filter(projection => projection.stream === stream);
    const of = (player: string) => to.of('players', player);
    const partitions = { prefix: from.prefix, from: from.all(stream), of };
    this.logins = stream === 'players' ? new Logins(redis, partitions) : undefined;
  }

  /** The last event of the log. */
  get end(): EventId {
    return this.replay.end;
  }

  get processed(): number {
    return this.replay.processed;
  }

  /** Copies and projects nearly everything, while the log accepts events. */
  async prepare(): Promise<void> {
    if (this.stream === 'players') await prepareDocuments(this.redis, this.to);
    this.total = (await this.lengths()).reduce((sum, length) => sum + length, 0);
    await this.replay.begin();
    await this.replay.run(false, () => this.replayed());
    await this.replay.keepMarks();
    await copyOrphans(this.redis, this.from, this.to, this.stream, () => this.replayed());
    await this.check();
    await this.build(false);
    await this.logins?.copy(() => this.tick('build', 0, 0));
  }

  /** Catches up with the log. @returns the number of new events */
  async follow(): Promise<number> {
    const came = await this.replay.run(false, () => this.replayed());
    await this.check();
    await this.build(true);
    return came;
  }

  /** Copies and projects the rest, after the log was closed. */
  async finish(): Promise<void> {
    await this.replay.run(true, () => this.replayed());
    await this.logins?.copyTouched();
    await this.assertWhole();
    await this.check();
    await this.build(true);
  }

  /** Makes the new projections live. @param end the last event of the log */
  async open(end: EventId): Promise<void> {
    const groups = groupsOf(this.stream);
    await Promise.all(
      this.replay.writers.map(async ({ keys, count }) => {
        const args = [formatEventId(end), count, ...groups];
        const [length, ...opened] = await Promise.all([
          finishPartition.run(this.redis, [keys.stream], args),
          ...this.projections.map(projection => this.openBuild(projection, keys, end)),
        ]);
        if (length !== count || opened.includes(0)) throw new PartitionLostError(keys.stream);
      }),
    );
  }

  /** Retires the old partitions. Call it when no process uses them any more. */
  async retireOld(old: readonly PartitionKeys[]): Promise<void> {
    await retire(this.redis, old, groupsOf(this.stream));
    for (const projection of this.projections) await sweep(this.redis, this.to, projection);
  }

  private openBuild({ name, kinds }: AnyProjection, keys: PartitionKeys, end: EventId): Promise<0 | 1> {
    const args = [this.attempt, formatEventId(end), kinds.includes('document') ? 1 : 0];
    return openBuild.run(this.redis, [keys.live(name), buildKey(keys, name)], args);
  }

  private get owner() {
    return { job: `move-${this.attempt}`, owner: this.attempt };
  }

  /** @param together whether all partitions are projected in parallel, which needs more memory */
  private async build(together: boolean): Promise<void> {
    let done = 0;
    const total = this.replay.writers.reduce((sum, { count }) => sum + count, 0) * this.projections.length;
    const changed = this.replay.writers.filter(writer => this.built.get(writer) !== writer.count);
    const tasks = changed.flatMap(({ keys, count }) =>
      this.projections.map(projection => async () => {
        const events = this.replay.boardEvents.get(keys) ?? [];
        const rules = rulesOf(projection, events as never[], keys);
        await catchUp(this.redis, projection, keys, this.owner, rules, () => this.tick('build', done, total));
        done += count;
      }),
    );
    if (together) await Promise.all(tasks.map(task => task()));
    else for (const task of tasks) await task();
    for (const writer of changed) this.built.set(writer, writer.count);
  }

  /** Checks that every event of the log was read. @throws LogChangedError */
  private async assertWhole(): Promise<void> {
    const lengths = await this.lengths();
    for (const [i, keys] of this.from.all(this.stream).entries())
      if (lengths[i] !== this.replay.read[i]) throw new LogChangedError(keys.stream);
  }

  /** Checks that the new partitions contain exactly what was written. @throws PartitionLostError */
  private async check(): Promise<void> {
    await Promise.all(this.replay.writers.map(writer => this.look(writer)));
  }

  private async look(writer: PartitionWriter): Promise<void> {
    let { position, count, checksum } = this.looks.get(writer) ?? UNSEEN;
    if (count === writer.count) return;
    for await (const page of new PartitionLog(this.redis, writer.keys).pages(position)) {
      for (const [id, fields] of page) checksum = withEntry(checksum, id, fields);
      count += page.length;
      position = page.at(-1)?.[0] ?? position;
      await this.replayed();
    }
    if (count !== writer.count || checksum !== writer.checksum)
      throw new PartitionLostError(writer.keys.stream);
    this.looks.set(writer, { position, count, checksum });
  }

  private lengths(): Promise<number[]> {
    const partitions = this.from.all(this.stream);
    return Promise.all(partitions.map(async keys => (await measureLog(this.redis, keys)).length));
  }

  private replayed(): Promise<void> {
    return this.tick('replay', this.processed, Math.max(this.total, this.processed));
  }

  private tick(phase: 'replay' | 'build', processed: number, total: number): Promise<void> {
    return this.onProgress(phase, processed, total);
  }
}
