import type { Settlement } from '#libs/event-log';
import {
  compareEventIds,
  type EventType,
  eventTypesOf,
  formatEventId,
  parseEventId,
  type RecordedEvent,
} from '#libs/events';
import { isRedisUnavailable, type RedisClient } from '#libs/redis';
import { BatchResults } from './batch-results.js';
import { commitChanges, type EventChange, incrementRevision, type Outcome } from './change-set.js';
import { type LoadedState, LoadedStates } from './loaded-states.js';
import { effectsOfRulesChange, type PartitionRules, type RulesChange } from './partition-rules.js';
import { partitionRulesOf } from './partition-rules-of.js';
import type { Projection } from './projection.js';
import type { RebuildListener } from './rebuild-listener.js';
import type { Effect, Target } from './state-changes.js';
import { type PartitionView, readView, rulesScopeOf, type Source } from './view.js';

/** Limits of one batch for releasing events that wait for earlier ones. What is left waits for the next batch. */
const MAX_RELEASED_EVENTS = 100;
const MAX_RELEASE_MS = 100;
/** Limit for one commit. */
const MAX_RELEASED_PER_COMMIT = 20;
/** A larger commit would block Redis for too long. One event alone may exceed it. */
const MAX_COMMIT_STATES = 1_000;
/** An event that conflicts with other workers so often is deferred. */
const MAX_CONFLICT_ATTEMPTS = 10;

/** An event, and what it can change. */
interface Step<State, T extends EventType> {
  readonly event: RecordedEvent<T>;
  readonly targets: readonly Target[];
  readonly rulesChange?: RulesChange<State> | undefined;
}

/** A step with the states of its targets, and those that its change of rules affects. */
interface LoadedStep<State, T extends EventType> extends Step<State, T> {
  readonly states: readonly LoadedState<State>[];
  readonly affectedStates: readonly LoadedState<State>[];
}

/**
 * Runs a projection: reads the states that a batch of events can change, folds the events, and commits the change of
 * each event, provided that its states are still the ones that were read.
 *
 * One script acknowledges an event and makes its change, so that an event takes effect once, even if several workers
 * process it.
 */
export class Projector<State, T extends EventType, Rules = undefined> {
  private readonly views = new Map<string, PartitionView<Rules>>();
  private readonly rules: PartitionRules<State, T, Rules>;

  /** @throws Error if the projection does not handle every event type of its stream */
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly onRebuild: RebuildListener = () => undefined,
  ) {
    this.rules = partitionRulesOf(projection);
    const handled: readonly EventType[] = projection.handles;
    const missing = eventTypesOf(projection.stream).filter(type => !handled.includes(type));
    if (missing.length > 0) {
      throw new Error(
        `${projection.name} does not handle ${missing.join(', ')}: add them to \`handles\` of the projection`,
      );
    }
  }

  /**
   * @param events events of one partition, in the order of the log
   * @throws PartitionHarmedError if the partition is damaged, in which case no event is to blame
   */
  async apply(events: readonly RecordedEvent<T>[], source: Source): Promise<Settlement> {
    try {
      return await this.applyAll(events, source);
    } catch (error) {
      // Read the partition again, since the cached view can be older than the damage.
      this.views.delete(source.keys.stream);
      if (!isRedisUnavailable(error)) await this.view(source);
      throw error;
    }
  }

  private async applyAll(events: readonly RecordedEvent<T>[], source: Source): Promise<Settlement> {
    const results = new BatchResults<T>();
    await this.process(events, source, results);
    await this.releaseWaiting(results, source);
    results.deferWaiting();
    return results.settlement;
  }

  /** @param ignoresOrder whether events are applied although earlier ones are missing */
  private async process(
    events: readonly RecordedEvent<T>[],
    source: Source,
    results: BatchResults<T>,
    ignoresOrder = false,
  ): Promise<void> {
    let open = ignoresOrder ? events : this.setAsideWaiting(events, results);
    for (let failures = 0; open.length > 0; ) {
      if (failures === MAX_CONFLICT_ATTEMPTS) return results.defer(open);
      const view = await this.view(source);
      const steps = this.nextSteps(open, view);
      const conflicts = await this.commit(steps, view, source, results, ignoresOrder);
      if (conflicts.length > 0) failures += 1;
      open = [...conflicts, ...open.slice(steps.length)];
    }
  }

  /** Sets aside events that wait for all earlier ones: their states need not be read yet. @returns the others */
  private setAsideWaiting(
    events: readonly RecordedEvent<T>[],
    results: BatchResults<T>,
  ): readonly RecordedEvent<T>[] {
    const { waitsForAllEarlier } = this.projection;
    if (!waitsForAllEarlier || !events.some(waitsForAllEarlier)) return events;
    results.waiting.push(...events.filter(waitsForAllEarlier));
    return events.filter(event => !waitsForAllEarlier(event));
  }

  /** As many events as one commit can take. An event that changes rules is committed alone. */
  private nextSteps(events: readonly RecordedEvent<T>[], view: PartitionView<Rules>): Step<State, T>[] {
    const steps: Step<State, T>[] = [];
    let states = 0;
    for (const event of events) {
      const targets = this.projection
        .targets(event, view.keys, view.rules)
        .filter(({ board }) => !view.includes(event.id, board));
      const rulesChange = view.includes(event.id, rulesScopeOf(event))
        ? undefined
        : this.rules.changeFor(view.rules, event, targets, view.keys);
      states += targets.length;
      if (rulesChange) states += rulesChange.affectedTargets.length + rulesChange.droppedKeys.length;
      const standsAlone = rulesChange !== undefined && changesRules(rulesChange);
      if (steps.length > 0 && (standsAlone || states > MAX_COMMIT_STATES)) break;
      steps.push({ event, rulesChange, targets });
      if (standsAlone) break;
    }
    return steps;
  }

  /** @returns the events that must be computed again */
  private async commit(
    steps: readonly Step<State, T>[],
    view: PartitionView<Rules>,
    source: Source,
    results: BatchResults<T>,
    ignoresOrder: boolean,
  ): Promise<RecordedEvent<T>[]> {
    const loaded = new LoadedStates<State>();
    const loadedSteps = steps.map((step): LoadedStep<State, T> => {
      const states = step.targets.map(({ address }) => loaded.at(address));
      const affectedStates = step.rulesChange?.affectedTargets.map(({ address }) => loaded.at(address)) ?? [];
      return { ...step, states, affectedStates };
    });
    await loaded.read(this.redis, source.keys.live(source.group), this.projection.parse);
    const changes: EventChange[] = [];
    const ready: RecordedEvent<T>[] = [];
    const rebuildFirst: RecordedEvent<T>[] = [];
    const waiting: RecordedEvent<T>[] = [];
    for (const step of loadedSteps) {
      const { event, rulesChange } = step;
      if (rulesChange?.boardToRebuild !== undefined) {
        this.requestRebuild(event, rulesChange.boardToRebuild, rulesChange, source);
        rebuildFirst.push(event);
      } else if (!ignoresOrder && !this.isReady(step)) {
        waiting.push(event);
      } else {
        ready.push(event);
        changes.push(this.change(step, view, source));
      }
    }
    const outcomes = ready.length > 0 ? await commitChanges(this.redis, source, view, loaded, changes) : [];
    if (outcomes === 'stale') {
      this.views.delete(source.keys.stream);
      return steps.map(({ event }) => event);
    }
    for (const { rulesChange } of steps)
      if (rulesChange && changesRules(rulesChange)) this.updateView(rulesChange, view, source, outcomes);
    results.defer(rebuildFirst);
    results.waiting.push(...waiting);
    return results.count(ready, outcomes);
  }

  /** @throws RebuildImpossibleError */
  private requestRebuild(
    { id }: RecordedEvent<T>,
    board: string,
    { fields }: RulesChange<State>,
    { keys }: Source,
  ): void {
    const refusal = this.onRebuild(board, keys.partition, fields, formatEventId(id));
    if (refusal) throw refusal;
  }

  /** Applies a change of rules to the cached view, or discards the view if another worker has changed the rules. */
  private updateView(
    rulesChange: RulesChange<State>,
    view: PartitionView<Rules>,
    { keys }: Source,
    outcomes: readonly Outcome[],
  ): void {
    if (outcomes[0] !== 'applied') {
      this.views.delete(keys.stream);
      return;
    }
    this.rules.apply(view.rules, rulesChange);
    view.revision += 1;
  }

  private isReady({ event, targets, states }: LoadedStep<State, T>): boolean {
    const { projection } = this;
    return targets.every((target, i) => projection.isNext?.(states[i]?.state, event, target) ?? true);
  }

  /** Folds the event into its loaded states. */
  private change(
    { event, targets, states, rulesChange, affectedStates }: LoadedStep<State, T>,
    { rules, keys, isRetried }: PartitionView<Rules>,
    source: Source,
  ): EventChange {
    const writes: EventChange['writes'][number][] = [];
    const effects: Effect[] = [];
    for (let i = 0; i < states.length; i++) {
      const loaded = states[i] as LoadedState<State>;
      const target = targets[i] as Target;
      const before = loaded.state;
      const after = this.projection.evolve(before, event, target, rules);
      if (after === before || after === undefined) continue;
      writes.push({ state: loaded, value: this.projection.format(after) });
      effects.push(...(this.projection.effects?.(before, after, event, target, keys, rules) ?? []));
      loaded.state = after;
    }
    if (rulesChange) {
      const affected = affectedStates.map(({ state }) => state);
      effects.push(...effectsOfRulesChange(rulesChange, affected, keys.rules()));
      if (changesRules(rulesChange)) effects.push(incrementRevision(source));
    }
    if (isRetried(event.id)) {
      const args = [formatEventId(event.id)];
      effects.push({ command: 'HDEL', type: 'hash', key: source.keys.skipped(source.group), args });
    }
    return { id: event.id, states: rulesChange ? [...states, ...affectedStates] : states, writes, effects };
  }

  /** Applies waiting events if the events that they wait for can no longer come. */
  private async releaseWaiting(results: BatchResults<T>, source: Source): Promise<void> {
    const deadline = performance.now() + MAX_RELEASE_MS;
    for (let released = 0; released < MAX_RELEASED_EVENTS && performance.now() < deadline; ) {
      const events = await this.nextReleased(results, source);
      if (events.length === 0) return;
      await this.process(events, source, results, true);
      // An event that waited for a version can have kept others waiting: the next batch checks these first.
      if (!events.every(event => this.projection.waitsForAllEarlier?.(event))) return;
      released += events.length;
    }
  }

  /**
   * The oldest waiting event, if no earlier event is pending: then the event that it waits for has become a dead letter or
   * was deleted. If it waits for all earlier events, it is returned with the next ones of that kind, up to the first
   * other event that is pending.
   */
  private async nextReleased(results: BatchResults<T>, { keys, group }: Source): Promise<RecordedEvent<T>[]> {
    const waiting = results.waiting.sort((a, b) => compareEventIds(a.id, b.id));
    const [first] = waiting;
    if (!first) return [];
    const waitsForAll = (event: RecordedEvent<T>) => this.projection.waitsForAllEarlier?.(event) ?? false;
    const limit = waitsForAll(first) ? MAX_RELEASED_PER_COMMIT : 1;
    const pending = (await this.redis.xpending(keys.stream, group, '-', '+', limit)) as [id: string][];
    // If nothing is pending, another worker has finished the event: the commit will report a duplicate.
    const isOldest = !pending[0] || compareEventIds(parseEventId(pending[0][0]), first.id) >= 0;
    if (!isOldest) return [];
    if (!waitsForAll(first)) return results.takeWaiting(first.id);
    const candidates = new Set(waiting.filter(waitsForAll).map(({ id }) => formatEventId(id)));
    const obstacle = pending.findIndex(([id]) => !candidates.has(id));
    const released = new Set((obstacle < 0 ? pending : pending.slice(0, obstacle)).map(([id]) => id));
    return [
      ...results.takeWaiting(first.id),
      ...waiting.flatMap(({ id }) => (released.has(formatEventId(id)) ? results.takeWaiting(id) : [])),
    ];
  }

  private async view(source: Source): Promise<PartitionView<Rules>> {
    const { stream } = source.keys;
    let view = this.views.get(stream);
    if (!view) {
      view = await readView(this.redis, source, this.rules.parse);
      this.views.set(stream, view);
    }
    return view;
  }
}

/** False if the change only removes states. Otherwise the events after it must be computed under the new rules. */
function changesRules({ fields, boardToRebuild }: RulesChange<never>): boolean {
  return boardToRebuild !== undefined || Object.keys(fields).length > 0;
}
