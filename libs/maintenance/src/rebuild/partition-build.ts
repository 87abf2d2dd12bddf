import { setImmediate as nextTurn } from 'node:timers/promises';
import { type LogEntry, PartitionLog } from '#libs/event-log';
import { type EventType, type RecordedEvent, unpackEvent } from '#libs/events';
import {
  AddressMap,
  type DocumentStoreName,
  type Effect,
  effectsOfRulesChange,
  LoadedStates,
  type PartitionRules,
  type Projection,
  partitionRulesOf,
  type RulesChange,
  type RulesFields,
  type Source,
  type StateKeys,
  stateKeys,
  type Target,
} from '#libs/projections';
import { type RedisClient, readWholeHash } from '#libs/redis';
import { documentStoreIn } from '#libs/search';
import { buildKey } from '../keys.js';
import { script } from '../lua.js';
import { packPart, Writes } from './writes.js';

/** Another process has taken over the build. */
export class BuildLostError extends Error {
  readonly code = 'BUILD_LOST';
  override readonly name = 'BuildLostError';

  constructor() {
    super('another process has taken over the rebuild');
  }
}

/** The facts that a build starts from. They are stored with it as JSON, so that another process can continue it. */
interface Facts {
  /** The rules that are assumed to hold at the end of the log. */
  readonly rules: Readonly<Record<string, string | undefined>>;
  /** The ids of dead letters, which have no effect. */
  readonly skipped: readonly string[];
  /** The document store of the generation, chosen when the build began. */
  readonly documents?: DocumentStoreName;
}

export interface BuildOptions {
  readonly job: string;
  /** Identifies this process and attempt. */
  readonly owner: string;
  /** Fold only the events of these boards. */
  readonly boards?: readonly string[] | undefined;
  /** The id of an event that is folded even if it is a dead letter. */
  readonly event?: string | undefined;
}

type Begun = [generation: number, position: string, processed: number, facts: string];

const beginBuild = script<Begun>('begin-build');
const writeBuild = script<number>('write-build');

/** A state, with its unwritten changes. */
interface Cell<State, T extends EventType> {
  readonly target: Target;
  state: State | undefined;
  /** The state as written; unset if it is not. */
  written: State | undefined;
  isDirty: boolean;
  /** The last event that changed it, until it is written, if effects need it. */
  event: RecordedEvent<T> | undefined;
}

/** The prefix of a build's fields for rules that it assumed after it began. */
const ASSUMED_FIELD_PREFIX = 'assumed:';
/** Maximum weight of unwritten states. A state that changes often is written once for many changes. */
const MAX_DIRTY_WEIGHT = 100_000;
/** Maximum states turned into writes per turn of the event loop. In a longer turn, replies from Redis would time out. */
const MAX_STATES_PER_TURN = 10_000;
/** Characters of a document that count as one state. */
const DOCUMENT_CHARACTERS_PER_STATE = 500;

/**
 * The build of a new generation of one partition's state. The log is folded in memory; from time to time the changed states are
 * written together with the position. If a builder dies, another continues from that position; if it dies during a write, the
 * build starts over.
 */
export class PartitionBuild<State, T extends EventType, Rules> {
  readonly state: StateKeys;
  private readonly partitionRules: PartitionRules<State, T, Rules>;
  private readonly rules: Rules;
  private readonly only: ReadonlySet<string> | undefined;
  private readonly cells = new AddressMap<Cell<State, T>>();
  private readonly dirty: Cell<State, T>[] = [];
  private writes = new Writes();
  /** The weight of unwritten states. */
  private weight = 0;
  /** The last event that was folded. */
  private read: string;
  private processedBefore: number;
  /** The running writes. Changes folded meanwhile go into the next ones. */
  private writing: Promise<void> = Promise.resolve();
  /** Ids of events that cannot be folded. */
  readonly failed: string[] = [];

  private constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly source: Source,
    private readonly options: BuildOptions,
    generation: number,
    private position: string,
    public processed: number,
    private readonly facts: Facts,
    private readonly isResumed: boolean,
    builtRules: Record<string, string>,
    assumed: RulesFields,
  ) {
    this.state = stateKeys(source.keys, generation, facts.documents);
    this.partitionRules = partitionRulesOf(projection);
    this.rules = this.partitionRules.parseForReplay(builtRules, assumed, options.boards);
    this.only = options.boards && new Set(options.boards);
    this.read = position;
    this.processedBefore = processed;
  }

  /** @param anew whether to discard an earlier build of the same job */
  static async begin<State, T extends EventType, Rules>(
    redis: RedisClient,
    projection: Projection<State, T, Rules>,
    source: Source,
    options: BuildOptions,
    rules: Readonly<Record<string, string | undefined>>,
    anew: boolean,
  ): Promise<PartitionBuild<State, T, Rules>> {
    const { keys, group } = source;
    const marks = Object.keys(await readWholeHash(redis, keys.skipped(group)));
    const skipped = marks.filter(id => id !== options.event);
    const documents = projection.kinds.includes('document')
      ? await documentStoreIn(redis, keys.prefix)
      : 'plain';
    const [generation, position, processed, text] = await beginBuild.run(
      redis,
      [keys.live(group), buildKey(keys, group)],
      [
        options.job,
        options.owner,
        JSON.stringify({ rules, skipped, documents } satisfies Facts),
        anew ? 1 : 0,
      ],
    );
    const facts = JSON.parse(text) as Facts;
    const builtRules = await readWholeHash(redis, stateKeys(keys, generation).rules());
    const kept = Object.entries(await readWholeHash(redis, buildKey(keys, group)));
    const adopted = kept.flatMap(([field, text]) =>
      field.startsWith(ASSUMED_FIELD_PREFIX)
        ? [[field.slice(ASSUMED_FIELD_PREFIX.length), text] as const]
        : [],
    );
    return new PartitionBuild(
      redis,
      projection,
      source,
      options,
      generation,
      position,
      processed,
      facts,
      position !== '0-0',
      builtRules,
      { ...facts.rules, ...Object.fromEntries(adopted) },
    );
  }

  /** The ids of events that were skipped. */
  get skipped(): readonly string[] {
    return this.facts.skipped;
  }

  /** Whether everything was folded under the rules that hold at the position. */
  get isTrue(): boolean {
    return this.partitionRules.assumptionHeld(this.rules);
  }

  /**
   * Folds the log up to an event, or to its end, and writes the result.
   *
   * @param onPage called after each page; throws to stop
   * @throws BuildLostError
   */
  async readTo(upTo: string | undefined, onPage: () => Promise<void>): Promise<void> {
    try {
      await this.foldTo(upTo, onPage);
      await this.write();
    } finally {
      // A build that is interrupted during a write starts over, so wait for the write.
      await Promise.allSettled([this.writing]);
    }
    await this.writing;
  }

  private async foldTo(upTo: string | undefined, onPage: () => Promise<void>): Promise<void> {
    const skipped = new Set(this.facts.skipped);
    for await (const page of new PartitionLog(this.redis, this.source.keys).pages(this.read, upTo)) {
      const counting = skipped.size === 0 ? page : page.filter(([id]) => !skipped.has(id));
      const events = this.decode(counting);
      if (this.isResumed) await this.load(events);
      for (const event of events) this.fold(event);
      this.read = page.at(-1)?.[0] ?? this.read;
      this.processed += page.length;
      if (this.weight > MAX_DIRTY_WEIGHT) await this.write();
      await onPage();
    }
  }

  private decode(page: readonly LogEntry[]): RecordedEvent<T>[] {
    const { boards } = this.options;
    const concerns = boards && this.projection.boardScope?.eventFilter(boards, this.rules);
    const events: RecordedEvent<T>[] = [];
    for (const [id, fields] of page) {
      try {
        const event = unpackEvent(id, fields) as RecordedEvent<T>;
        if (boards === undefined || concerns?.(event)) events.push(event);
      } catch {
        this.failed.push(id);
      }
    }
    return events;
  }

  private fold(event: RecordedEvent<T>): void {
    try {
      const targets = this.targets(event);
      const ruling = this.partitionRules.changeFor(this.rules, event, targets, this.state);
      for (const target of targets) this.evolve(event, target);
      if (ruling) this.amend(ruling);
    } catch {
      this.failed.push(`${event.id.ms}-${event.id.seq}`);
    }
  }

  private targets(event: RecordedEvent<T>): readonly Target[] {
    const targets = this.projection.targets(event, this.state, this.rules);
    if (this.only === undefined) return targets;
    return targets.filter(({ board }) => board !== undefined && this.only?.has(board));
  }

  private evolve(event: RecordedEvent<T>, target: Target): void {
    const cell = this.cell(target);
    const after = this.projection.evolve(cell.state, event, target, this.rules);
    if (after === cell.state) return;
    if (!cell.isDirty) {
      cell.isDirty = true;
      this.dirty.push(cell);
      this.weight += 1;
    }
    if ('document' in event.data) this.weight += event.data.document.length / DOCUMENT_CHARACTERS_PER_STATE;
    cell.state = after;
    // Keeping thousands of events would keep the garbage collector busy.
    if (this.projection.needsEvents) cell.event = event;
  }

  private cell(target: Target): Cell<State, T> {
    let cell = this.cells.get(target.address);
    if (!cell) {
      cell = { target, state: undefined, written: undefined, isDirty: false, event: undefined };
      this.cells.set(target.address, cell);
    }
    return cell;
  }

  /** Its effects depend on current states, so dirty states are written first. */
  private amend(ruling: RulesChange<State>): void {
    this.flush();
    const states = ruling.affectedTargets.map(({ address }) => this.cells.get(address)?.state);
    this.writes.close();
    for (const effect of effectsOfRulesChange(ruling, states, this.state.rules())) this.writes.add(effect);
    this.writes.close();
    ruling.affectedTargets.forEach(({ address }, i) => {
      if (states[i] !== undefined && ruling.removes?.(states[i])) this.cells.delete(address);
    });
    for (const { key } of ruling.droppedKeys) this.cells.deleteKey(key);
    const adopted = Object.entries(this.partitionRules.apply(this.rules, ruling));
    if (adopted.length === 0) return;
    // Later writes depend on these rules, so a process that continues the build must assume them, too.
    const args = adopted.flatMap(([field, text = '']) => [ASSUMED_FIELD_PREFIX + field, text]);
    const key = buildKey(this.source.keys, this.source.group);
    this.writes.add({ command: 'HSET', type: 'hash', key, args });
  }

  private flush(count = this.dirty.length): void {
    for (const cell of this.dirty.splice(0, count)) {
      const { target, written, state, event } = cell;
      cell.isDirty = false;
      if (state === undefined) continue;
      const { key, field } = target.address;
      this.writes.add({ command: 'HSET', type: 'hash', key, args: [field, this.projection.format(state)] });
      const effects = this.projection.effects?.(written, state, event, target, this.state, this.rules) ?? [];
      for (const effect of effects) this.writes.add(effect);
      cell.written = state;
      cell.event = undefined;
    }
  }

  /** Loads what an earlier builder wrote of the states that the events touch. */
  private async load(events: readonly RecordedEvent<T>[]): Promise<void> {
    const touched = events.flatMap(event => {
      const targets = this.targets(event);
      const ruling = this.partitionRules.changeFor(this.rules, event, targets, this.state);
      return [...targets, ...(ruling?.affectedTargets ?? [])];
    });
    const unknown = touched.filter(({ address }) => !this.cells.get(address));
    await this.writing;
    const states = new LoadedStates<State>();
    for (const { address } of unknown) states.at(address);
    const { keys, group } = this.source;
    await states.read(this.redis, keys.live(group), this.projection.parse);
    for (const target of unknown) {
      const { state } = states.at(target.address);
      this.cells.set(target.address, { target, state, written: state, isDirty: false, event: undefined });
    }
  }

  /** Starts to write the dirty states once the previous writes are done. Folding goes on meanwhile. */
  private async write(): Promise<void> {
    await this.writing;
    if (this.read === this.position) return;
    while (this.dirty.length > MAX_STATES_PER_TURN) {
      this.flush(MAX_STATES_PER_TURN);
      await nextTurn();
    }
    this.flush();
    this.writing = this.writeParts(
      [...this.writes.parts()],
      this.read,
      this.processed - this.processedBefore,
    );
    // Whoever awaits it next gets the error.
    this.writing.catch(() => {});
    this.writes = new Writes();
    this.weight = 0;
    this.processedBefore = this.processed;
  }

  /** @param end the stretch's last event, as `count` is the number of its events */
  private async writeParts(parts: readonly (readonly Effect[])[], end: string, count: number): Promise<void> {
    for (const [i, part] of parts.entries()) {
      const { keys, json, texts } = packPart(part, 5);
      const written = await writeBuild.run(
        this.redis,
        [buildKey(this.source.keys, this.source.group), ...keys],
        [this.options.owner, this.position, i === parts.length - 1 ? end : '', count, json, ...texts],
      );
      if (written === 0) throw new BuildLostError();
    }
    this.position = end;
  }
}
