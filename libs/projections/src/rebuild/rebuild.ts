import { measureLog } from '#libs/event-log';
import type { EventType } from '#libs/events';
import { type PartitionKeys, type RedisClient, Script, type StateKeys } from '#libs/redis';
import type { Projection } from '../projection.js';
import type { Source } from '../view.js';
import { BuildLostError, type BuildOptions, PartitionBuild } from './partition-build.js';

/** Milliseconds for which the workers can be held up at most, while the last events are folded and switched. */
const BARRIER = 1_000;

const raiseBarrier = new Script<string>('raise-barrier');
const switchTo = new Script<'switched' | 'expired' | 'changed' | 'lost'>('switch');

export interface RebuildOptions extends BuildOptions {
  /** Fields of the rules that are known to change. */
  readonly rules?: Readonly<Record<string, string>> | undefined;
  /** Hears how many events of the partition are folded; throws to stop. */
  readonly onProgress: (processed: number) => Promise<void>;
}

/**
 * Rebuilds a projection's state of a partition, or of one board, from the log, while workers and readers go on.
 *
 * The new generation catches up with the log; then a barrier holds the workers at one event for some milliseconds,
 * the last events are folded, and a switch makes the new generation live as of that event. What workers were
 * doing with the old one is refused, and done again with the new one.
 */
export class Rebuild<State, T extends EventType, Rules> {
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly options: RebuildOptions,
  ) {}

  /** @throws BuildLostError when another process has taken over; what `onProgress` throws */
  async partition(keys: PartitionKeys): Promise<void> {
    const source = { keys, group: this.projection.name };
    if ((await measureLog(this.redis, keys)).length === 0) return;
    const live = await this.liveState(source);
    let rules = { ...(await this.redis.hgetall(live.rules())), ...this.options.rules };
    let build = await this.begin(source, rules, false);
    while (!(await this.finish(build, source))) {
      // By the rules that came out of it, it will come out right.
      rules = await this.redis.hgetall(build.state.rules());
      await this.discard(build);
      build = await this.begin(source, rules, true);
    }
    if (this.options.board !== undefined) await this.redis.unlink(build.state.rules());
  }

  private begin(source: Source, rules: Readonly<Record<string, string>>, anew: boolean) {
    return PartitionBuild.begin(this.redis, this.projection, source, this.options, rules, anew);
  }

  /** @returns false when it must be built anew: rules or dead letters turned out others than assumed */
  private async finish(build: PartitionBuild<State, T, Rules>, source: Source): Promise<boolean> {
    const { keys, group } = source;
    const onPage = () => this.options.onProgress(build.processed);
    for (;;) {
      await build.readTo(undefined, onPage);
      if (!build.isTrue) return false;
      const last = await raiseBarrier.run(
        this.redis,
        [keys.stream, keys.live(group), keys.build(group)],
        [this.options.owner, BARRIER],
      );
      if (last === '') throw new BuildLostError();
      await build.readTo(last, onPage);
      if (!build.isTrue) return false;
      const outcome = await this.switch(build, source, last);
      if (outcome === 'lost') throw new BuildLostError();
      if (outcome !== 'expired') return outcome === 'switched';
    }
  }

  private async switch(build: PartitionBuild<State, T, Rules>, source: Source, last: string) {
    const { keys, group } = source;
    const { board } = this.options;
    const live = await this.liveState(source);
    const built = board !== undefined ? this.projection.board?.(board, build.state) : undefined;
    const replaced = board !== undefined ? this.projection.board?.(board, live) : undefined;
    const pairs = built?.keys.flatMap((key, i) => [key, replaced?.keys[i] ?? key]) ?? [];
    const fields = built
      ? { [`base:${board}`]: last }
      : { generation: String(build.state.generation), base: last };
    const rule = built && (await this.redis.hget(build.state.rules(), built.rule));
    return switchTo.run(
      this.redis,
      [keys.live(group), keys.build(group), keys.skipped(group), live.rules(), ...pairs],
      [
        this.options.owner,
        last,
        JSON.stringify(build.skipped),
        JSON.stringify(build.failed),
        JSON.stringify(fields),
        JSON.stringify(built && rule ? { [built.rule]: rule } : {}),
      ],
    );
  }

  private async liveState({ keys, group }: Source): Promise<StateKeys> {
    return keys.state(Number((await this.redis.hget(keys.live(group), 'generation')) ?? 1));
  }

  /** What a whole generation leaves behind is swept in the end. */
  private async discard({ state }: PartitionBuild<State, T, Rules>): Promise<void> {
    const { board } = this.options;
    const keys = board !== undefined ? this.projection.board?.(board, state).keys : undefined;
    if (keys) await this.redis.unlink(state.rules(), ...keys);
  }
}
