import type { PartitionKeys } from '#libs/event-log';
import { groupFaults, measureLog } from '#libs/event-log';
import type { EventType } from '#libs/events';
import { type Projection, type Source, type StateKeys, stateKeys } from '#libs/projections';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';
import { BuildLostError, type BuildOptions, PartitionBuild } from './partition-build.js';

/** Maximum time that the barrier may hold the workers while the last events are folded and the switch is made. */
const MAX_BARRIER_MS = 1_000;

/** Maximum keys per UNLINK. */
const MAX_UNLINKED_KEYS = 500;

const raiseBarrier = script<string>('raise-barrier');
const switchTo = script<'switched' | 'expired' | 'changed' | 'lost'>('switch');

export interface RebuildOptions extends BuildOptions {
  /** Fields of the rules that will change, as far as they are known. */
  readonly rules?: Readonly<Record<string, string | undefined>> | undefined;
  /** Called with the number of folded events; throws to stop. */
  readonly onProgress: (processed: number) => Promise<void>;
}

/**
 * Rebuilds a projection's state of a partition, or of some of its boards, from the log, while workers and readers go on.
 *
 * The new generation catches up with the log. Then a barrier holds the workers at one event for some milliseconds, the last
 * events are folded, and a switch makes the new generation live as of that event. Commits to the old generation are refused,
 * and the workers repeat them on the new one.
 */
export class Rebuild<State, T extends EventType, Rules> {
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly options: RebuildOptions,
  ) {}

  /** @throws BuildLostError if another process has taken over; and whatever `onProgress` throws */
  async partition(keys: PartitionKeys): Promise<void> {
    await this.finish(keys, await this.prepare(keys));
  }

  /**
   * Builds to the end of the log; `finish` makes it live. So several partitions can be switched at nearly the same time.
   *
   * @returns undefined for a partition without a log
   * @throws as `partition`
   */
  async prepare(keys: PartitionKeys): Promise<PartitionBuild<State, T, Rules> | undefined> {
    const source = this.sourceOf(keys);
    if ((await measureLog(this.redis, keys)).last === '0-0') return undefined;
    const live = await this.liveState(source);
    const rules = { ...(await readWholeHash(this.redis, live.rules())), ...this.options.rules };
    let build = await this.begin(source, rules, false);
    for (;;) {
      await build.readTo(undefined, () => this.options.onProgress(build.processed));
      if (build.isTrue) return build;
      build = await this.beginAnew(build, source);
    }
  }

  /** @throws as `partition` */
  async finish(keys: PartitionKeys, prepared: PartitionBuild<State, T, Rules> | undefined): Promise<void> {
    if (!prepared) return;
    const source = this.sourceOf(keys);
    let build = prepared;
    while (!(await this.complete(build, source))) build = await this.beginAnew(build, source);
    if (this.options.boards !== undefined) await this.redis.unlink(build.state.rules());
    // Events that the group had missed, or applied twice, are in the new generation once.
    else await this.redis.hdel(keys.ledger(), ...groupFaults(source.group));
  }

  /** By the rules that came out of it, it will come out right. */
  private async beginAnew(build: PartitionBuild<State, T, Rules>, source: Source) {
    const rules = await readWholeHash(this.redis, build.state.rules());
    await this.discard(build);
    return this.begin(source, rules, true);
  }

  private sourceOf(keys: PartitionKeys): Source {
    return { keys, group: this.projection.name };
  }

  private begin(source: Source, rules: Readonly<Record<string, string | undefined>>, anew: boolean) {
    return PartitionBuild.begin(this.redis, this.projection, source, this.options, rules, anew);
  }

  /** @returns false if it must be rebuilt, because rules or dead letters differ from what was assumed */
  private async complete(build: PartitionBuild<State, T, Rules>, source: Source): Promise<boolean> {
    const { keys, group } = source;
    const onPage = () => this.options.onProgress(build.processed);
    for (;;) {
      await build.readTo(undefined, onPage);
      if (!build.isTrue) return false;
      const last = await raiseBarrier.run(
        this.redis,
        [keys.stream, keys.live(group), buildKey(keys, group)],
        [this.options.owner, MAX_BARRIER_MS],
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
    const { boards } = this.options;
    const live = await this.liveState(source);
    const replaced = boards === undefined ? NOTHING : await this.ofBoards(boards, build.state, live);
    const fields =
      boards === undefined
        ? {
            generation: String(build.state.generation),
            base: last,
            ...(this.projection.kinds.includes('document') && { documents: build.state.documents }),
          }
        : Object.fromEntries(boards.map(board => [`base:${board}`, last]));
    return switchTo.run(
      this.redis,
      [keys.live(group), buildKey(keys, group), keys.skipped(group), live.rules(), ...replaced.keys],
      [
        this.options.owner,
        last,
        JSON.stringify(build.skipped),
        JSON.stringify(build.failed),
        JSON.stringify(fields),
        JSON.stringify(replaced.before),
        JSON.stringify(replaced.after),
        this.options.event ?? '',
      ],
    );
  }

  /** What is the boards' own: keys in pairs, built and live, and fields of the rules, live and built. */
  private async ofBoards(names: readonly string[], built: StateKeys, live: StateKeys) {
    const { boardScope } = this.projection;
    const rules = await Promise.all([live, built].map(state => readWholeHash(this.redis, state.rules())));
    const fields = names.flatMap(board => boardScope?.rulesFields(board) ?? []);
    const own = (hash: Record<string, string> = {}) =>
      Object.fromEntries(fields.map(field => [field, hash[field] ?? '']));
    const [from = [], to = []] = [built, live].map(state =>
      names.flatMap(board => boardScope?.keys(board, rules, state) ?? []),
    );
    return {
      keys: from.flatMap((key, i) => [key, to[i] ?? key]),
      before: own(rules[0]),
      after: own(rules[1]),
    };
  }

  private async liveState({ keys, group }: Source): Promise<StateKeys> {
    return stateKeys(keys, Number((await this.redis.hget(keys.live(group), 'generation')) ?? 1));
  }

  /** What a whole generation leaves behind is swept in the end. */
  private async discard({ state }: PartitionBuild<State, T, Rules>): Promise<void> {
    const { boards } = this.options;
    if (boards === undefined) return;
    const rules = await readWholeHash(this.redis, state.rules());
    const keys = boards.flatMap(board => this.projection.boardScope?.keys(board, [rules], state) ?? []);
    for (let at = 0; at < keys.length; at += MAX_UNLINKED_KEYS)
      await this.redis.unlink(...keys.slice(at, at + MAX_UNLINKED_KEYS));
    await this.redis.unlink(state.rules());
  }
}

const NOTHING = { keys: [], before: {}, after: {} } as const;
