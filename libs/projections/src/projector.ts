import type { Settlement } from '#libs/event-log';
import {
  compareEventIds,
  type EventId,
  type EventType,
  eventTypesOf,
  formatEventId,
  parseEventId,
  type RecordedEvent,
} from '#libs/events';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { type Change, commitChanges, newRevision, type Outcome } from './change-set.js';
import { type Held, States } from './held-states.js';
import { type Effect, effectsOf, type Projection, type Ruling, type Target } from './projection.js';
import { readView, rulingScopeOf, type Source, type View } from './view.js';

/** Events that wait for others and are let through in one batch, at most. */
const MAX_GAPS = 100;
/** After so long, those that are left wait for the next batch, and what was appended meanwhile goes first. */
const GAPS_MS = 100;
/** Events that come last and are let through in one commit, at most. */
const GAPS_TOGETHER = 20;
/** States in one commit, at most, unless one event alone concerns more: Redis does nothing else meanwhile. */
const MAX_STATES = 1_000;

/** How often events are computed anew in one go, when other workers change the same states. */
const ATTEMPTS = 10;

/**
 * Hears that an event cannot take effect until a board is built anew under other rules; it stays pending until then.
 *
 * @param partition where the board is
 * @param event the id of the event
 * @returns why the board cannot be built anew: then the event fails
 */
export type RebuildListener = (
  board: string,
  partition: number,
  rules: Ruling<unknown>['fields'],
  event: string,
) => RebuildImpossibleError | undefined;

/** An event needs a rebuild that cannot be made as things are. It is a dead letter at once: to wait is no help. */
export class RebuildImpossibleError extends Error {
  readonly code = 'REBUILD_IMPOSSIBLE';
  override readonly name = 'RebuildImpossibleError';
  /** Tells the transport not to deliver the event again. */
  readonly isPermanent = true;

  constructor(board: string, reason: string) {
    super(
      `${board} cannot be rebuilt, which this event needs: ${reason}. Remove the cause, then retry this dead letter`,
    );
  }
}

/** An event, and what it will change. */
interface Step<State, T extends EventType> {
  readonly event: RecordedEvent<T>;
  readonly targets: readonly Target[];
  readonly ruling?: Ruling<State> | undefined;
}

/** A step with the states of its targets, and those that its ruling touches. */
interface Footing<State, T extends EventType> extends Step<State, T> {
  readonly held: readonly Held<State>[];
  readonly touched: readonly Held<State>[];
}

/**
 * The running side of a projection: reads the states that a batch touches, folds the batch over them, and
 * commits each event's change under the condition that its state is still the one that was read.
 *
 * The commit acknowledges and changes in one step, so an event takes effect once, whoever else has it.
 */
export class Projector<State, T extends EventType, Rules = undefined> {
  private readonly views = new Map<string, View<Rules>>();

  /** @throws Error when the stream can carry events that the projection does not handle */
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly onRebuild: RebuildListener = () => undefined,
  ) {
    const handled: readonly EventType[] = projection.handles;
    const missing = eventTypesOf(projection.stream).filter(type => !handled.includes(type));
    if (missing.length > 0) {
      throw new Error(
        `${projection.name} does not handle ${missing.join(', ')}: name them in its \`handles\``,
      );
    }
  }

  /**
   * @param events of one partition, in the order of the log
   * @throws PartitionHarmedError when it is not an event that fails, but the partition
   */
  async apply(events: readonly RecordedEvent<T>[], source: Source): Promise<Settlement> {
    try {
      return await this.applyAll(events, source);
    } catch (error) {
      // What is remembered of the partition may have been right before it was harmed.
      this.views.delete(source.keys.stream);
      if (!isRedisUnavailable(error)) await this.view(source);
      throw error;
    }
  }

  private async applyAll(events: readonly RecordedEvent<T>[], source: Source): Promise<Settlement> {
    const tally = new Tally<T>();
    await this.settle(events, source, tally);
    await this.closeGaps(tally, source);
    tally.deferGaps();
    return tally.settlement;
  }

  /** @param anyVersion whether events are let through whose turn has not come */
  private async settle(
    events: readonly RecordedEvent<T>[],
    source: Source,
    tally: Tally<T>,
    anyVersion = false,
  ): Promise<void> {
    let open = anyVersion ? events : this.deferLast(events, tally);
    for (let failures = 0; open.length > 0; ) {
      if (failures === ATTEMPTS) return tally.defer(open);
      const view = await this.view(source);
      const steps = this.nextSteps(open, view);
      const again = await this.commit(steps, view, source, tally, anyVersion);
      if (again.length > 0) failures += 1;
      open = [...again, ...open.slice(steps.length)];
    }
  }

  /** Events that come last need no look at any state until their turn has come. @returns the others */
  private deferLast(events: readonly RecordedEvent<T>[], tally: Tally<T>): readonly RecordedEvent<T>[] {
    const { comesLast } = this.projection;
    if (!comesLast || !events.some(comesLast)) return events;
    tally.gaps.push(...events.filter(comesLast));
    return events.filter(event => !comesLast(event));
  }

  /** As many events as can be computed by the view: one that changes the rules stands alone. */
  private nextSteps(events: readonly RecordedEvent<T>[], view: View<Rules>): Step<State, T>[] {
    const steps: Step<State, T>[] = [];
    let states = 0;
    for (const event of events) {
      const targets = this.projection
        .targets(event, view.rules, view.keys)
        .filter(({ board }) => !view.includes(event.id, board));
      const ruling = view.includes(event.id, rulingScopeOf(event))
        ? undefined
        : this.projection.rulebook.rule(view.rules, event, targets, view.keys);
      states += targets.length + (ruling ? ruling.touches.length + ruling.drops.length : 0);
      const standsAlone = ruling !== undefined && changesRules(ruling);
      if (steps.length > 0 && (standsAlone || states > MAX_STATES)) break;
      steps.push({ event, ruling, targets });
      if (standsAlone) break;
    }
    return steps;
  }

  /** @returns the events that must be computed anew */
  private async commit(
    steps: readonly Step<State, T>[],
    view: View<Rules>,
    source: Source,
    tally: Tally<T>,
    anyVersion: boolean,
  ): Promise<RecordedEvent<T>[]> {
    const states = new States<State>();
    const footings = steps.map(({ event, targets, ruling }): Footing<State, T> => {
      const held = targets.map(({ address }) => states.at(address));
      const touched = ruling?.touches.map(({ address }) => states.at(address)) ?? [];
      return { event, targets, ruling, held, touched };
    });
    await states.read(this.redis, source.keys.live(source.group), this.projection.parse);
    const changes: Change[] = [];
    const due: RecordedEvent<T>[] = [];
    const waiting: RecordedEvent<T>[] = [];
    const gaps: RecordedEvent<T>[] = [];
    for (const footing of footings) {
      const { event, ruling } = footing;
      if (ruling?.rebuilds !== undefined) {
        const id = formatEventId(event.id);
        const refusal = this.onRebuild(ruling.rebuilds, source.keys.partition, ruling.fields, id);
        if (refusal) throw refusal;
        waiting.push(event);
      } else if (!anyVersion && !this.isDue(footing)) {
        gaps.push(event);
      } else {
        due.push(event);
        changes.push(this.change(footing, view, source));
      }
    }
    const outcomes = due.length > 0 ? await commitChanges(this.redis, source, view, states, changes) : [];
    if (outcomes === 'stale') {
      this.views.delete(source.keys.stream);
      return steps.map(({ event }) => event);
    }
    for (const { ruling } of steps)
      if (ruling && changesRules(ruling)) this.follow(ruling, view, source, outcomes);
    tally.defer(waiting);
    tally.gaps.push(...gaps);
    return tally.count(due, outcomes);
  }

  /** What this worker ruled, it need not read. What another one did, it must. */
  private follow(
    ruling: Ruling<State>,
    view: View<Rules>,
    { keys }: Source,
    outcomes: readonly Outcome[],
  ): void {
    if (outcomes[0] !== 'applied') {
      this.views.delete(keys.stream);
      return;
    }
    this.projection.rulebook.amend(view.rules, ruling);
    view.revision += 1;
  }

  private isDue({ event, targets, held }: Footing<State, T>): boolean {
    const { projection } = this;
    return targets.every((target, i) => projection.isNext?.(held[i]?.state, event, target) ?? true);
  }

  private change(
    { event, targets, held, ruling, touched }: Footing<State, T>,
    { rules, keys, isRetried }: View<Rules>,
    source: Source,
  ): Change {
    const writes: Change['writes'][number][] = [];
    const effects: Effect[] = [];
    for (let i = 0; i < held.length; i++) {
      const own = held[i] as Held<State>;
      const target = targets[i] as Target;
      const before = own.state;
      const after = this.projection.evolve(before, event, rules, target);
      if (after === before || after === undefined) continue;
      writes.push({ held: own, value: this.projection.format(after) });
      effects.push(...(this.projection.effects?.(before, after, event, rules, keys, target) ?? []));
      own.state = after;
    }
    if (ruling) {
      const states = touched.map(({ state }) => state);
      effects.push(...effectsOf(ruling, states, keys.rules()));
      if (changesRules(ruling)) effects.push(newRevision(source));
    }
    if (isRetried(event.id)) {
      const args = [formatEventId(event.id)];
      effects.push({ command: 'HDEL', type: 'hash', key: source.keys.skipped(source.group), args });
    }
    return { id: event.id, states: ruling ? [...held, ...touched] : held, writes, effects };
  }

  /** Lets events through that wait for others which cannot come any more, or that come last, which is now. */
  private async closeGaps(tally: Tally<T>, source: Source): Promise<void> {
    const until = performance.now() + GAPS_MS;
    for (let closed = 0; closed < MAX_GAPS && performance.now() < until; ) {
      const events = await this.nextGaps(tally, source);
      if (events.length === 0) return;
      await this.settle(events, source, tally, true);
      // What waited for a version may have been waited for itself: the next batch looks again.
      if (!events.every(event => this.projection.comesLast?.(event))) return;
      closed += events.length;
    }
  }

  /**
   * The first of the events whose turn has not come, if nothing before it is pending. Then the one that it waits for
   * has become a dead letter, or was deleted. Of those that come last, as many as have nothing but each other before them.
   */
  private async nextGaps(tally: Tally<T>, { keys, group }: Source): Promise<RecordedEvent<T>[]> {
    const gaps = tally.gaps.sort((a, b) => compareEventIds(a.id, b.id));
    const [first] = gaps;
    if (!first) return [];
    const comesLast = this.projection.comesLast?.(first) ?? false;
    const oldest = comesLast ? GAPS_TOGETHER : 1;
    const pending = (await this.redis.xpending(keys.stream, group, '-', '+', oldest)) as [id: string][];
    // Without itself, somebody else has brought it to its end: the commit will tell.
    const isStuck = !pending[0] || compareEventIds(parseEventId(pending[0][0]), first.id) >= 0;
    if (!isStuck) return [];
    // A batch can have it twice.
    if (!comesLast) return tally.takeGap(first.id);
    const turn = new Set(
      gaps.filter(event => this.projection.comesLast?.(event)).map(({ id }) => formatEventId(id)),
    );
    const obstacle = pending.findIndex(([id]) => !turn.has(id));
    const free = new Set((obstacle < 0 ? pending : pending.slice(0, obstacle)).map(([id]) => id));
    return [
      ...tally.takeGap(first.id),
      ...gaps.flatMap(({ id }) => (free.has(formatEventId(id)) ? tally.takeGap(id) : [])),
    ];
  }

  private async view(source: Source): Promise<View<Rules>> {
    const { stream } = source.keys;
    let view = this.views.get(stream);
    if (!view) {
      view = await readView(this.redis, source, this.projection.rulebook.parse);
      this.views.set(stream, view);
    }
    return view;
  }
}

/** Whether other events must be computed anew after it; else it only takes states away. */
function changesRules({ fields, rebuilds }: Ruling<never>): boolean {
  return rebuilds !== undefined || Object.keys(fields).length > 0;
}

/** What became of a batch so far. */
class Tally<T extends EventType> {
  private applied = 0;
  private duplicates = 0;
  private readonly deferred: EventId[] = [];
  /** Events that wait for another one. */
  gaps: RecordedEvent<T>[] = [];

  get settlement(): Settlement {
    return { applied: this.applied, duplicates: this.duplicates, deferred: this.deferred };
  }

  /** @returns the event of the gap, as often as the batch has it */
  takeGap(id: EventId): RecordedEvent<T>[] {
    const [taken, left] = [true, false].map(isTaken =>
      this.gaps.filter(event => (compareEventIds(event.id, id) === 0) === isTaken),
    ) as [RecordedEvent<T>[], RecordedEvent<T>[]];
    this.gaps = left;
    return taken;
  }

  deferGaps(): void {
    this.defer(this.gaps);
    this.gaps = [];
  }

  defer(events: readonly RecordedEvent<T>[]): void {
    this.deferred.push(...events.map(event => event.id));
  }

  /** @returns the events with a conflict */
  count(events: readonly RecordedEvent<T>[], outcomes: readonly Outcome[]): RecordedEvent<T>[] {
    const conflicts: RecordedEvent<T>[] = [];
    for (const [i, event] of events.entries()) {
      const outcome = outcomes[i];
      if (outcome === 'applied') this.applied += 1;
      else if (outcome === 'duplicate') this.duplicates += 1;
      else if (outcome === 'barred') this.deferred.push(event.id);
      else conflicts.push(event);
    }
    return conflicts;
  }
}
