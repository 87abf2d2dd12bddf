import { createHash } from 'node:crypto';
import { PartitionLog } from '#libs/event-log';
import { type EventId, type EventType, formatEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import {
  AddressMap,
  definedBoardOf,
  type Effect,
  type PartitionRules,
  type Projection,
  partitionRulesOf,
  type RulesChange,
  type Source,
  type StateKeys,
  type Target,
} from '#libs/projections';
import type { RedisClient } from '#libs/redis';
import { isAfter, type Sighting } from './probes.js';

/** A state of the fold, at the place where the projection stores it. */
export interface Place<State, T extends EventType> {
  readonly target: Target;
  /** Undefined if the state was deleted. */
  state: State | undefined;
  /** The last event that changed it. Only the SHA-1 of a document is kept. */
  event: RecordedEvent<T>;
}

/** An event, and the boards into which it is already folded. */
interface Held<T extends EventType> {
  readonly event: RecordedEvent<T>;
  readonly done: Set<string | undefined>;
}

/** A fold of a partition's log that follows the live state: it contains exactly the same events. */
export class PartitionFold<State, T extends EventType, Rules> {
  readonly places = new AddressMap<Place<State, T>>();
  /** The stored rules. */
  readonly rulings = new Map<string, string>();
  /** Events read. */
  processed = 0;
  private readonly partitionRules: PartitionRules<State, T, Rules>;
  private readonly rules: Rules;
  private end: EventId = { ms: 0, seq: 0 };
  /** Events that were read, and that the live state does not contain yet, or not in all places. */
  private held: Held<T>[] = [];

  /** @param inTheEnd the rules of the live state */
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly source: Source,
    private readonly keys: StateKeys,
    inTheEnd: Readonly<Record<string, string>>,
    private readonly board: string | undefined,
  ) {
    this.partitionRules = partitionRulesOf(projection);
    this.rules = this.partitionRules.parseForReplay({}, inTheEnd, board === undefined ? undefined : [board]);
  }

  /**
   * Folds the events that the live state contained at a sighting.
   *
   * @returns the places that changed
   */
  async follow(sighting: Sighting, onPage: () => Promise<void>): Promise<Set<Place<State, T>>> {
    const changed = new Set<Place<State, T>>();
    const waiting = this.held;
    this.held = [];
    for (const { event, done } of waiting) this.take(event, done, sighting, changed);
    if (!isAfter(sighting.end, this.end)) return changed;
    const [after, upTo] = [formatEventId(this.end), formatEventId(sighting.end)];
    for await (const page of new PartitionLog(this.redis, this.source.keys).pages(after, upTo)) {
      for (const [id, fields] of page) {
        const event = decode<T>(id, fields);
        if (event && this.concerns(event)) this.take(event, new Set(), sighting, changed);
      }
      this.processed += page.length;
      await onPage();
    }
    this.end = sighting.end;
    return changed;
  }

  /** Whether the assumed rules were right. */
  get isTrue(): boolean {
    return this.partitionRules.assumptionHeld(this.rules);
  }

  /** The effects of a state besides its own text. */
  effects({ target, state, event }: Place<State, T>): Effect[] {
    if (state === undefined) return [];
    return this.projection.effects?.(undefined, state, event, target, this.keys, this.rules) ?? [];
  }

  private concerns(event: RecordedEvent<T>): boolean {
    return (
      this.board === undefined ||
      this.projection.boardScope?.eventFilter([this.board], this.rules)(event) === true
    );
  }

  /**
   * Folds an event into the boards whose live state contains it; the others wait. A rebuilt board can be ahead of others.
   *
   * @param done the boards into which the event is already folded
   */
  private take(
    event: RecordedEvent<T>,
    done: Set<string | undefined>,
    sighting: Sighting,
    changed: Set<Place<State, T>>,
  ): void {
    const due = this.projection
      .targets(event, this.keys, this.rules)
      .filter(({ board }) => !done.has(board) && (this.board === undefined || board === this.board));
    const targets = due.filter(({ board }) => sighting.isApplied(event.id, board));
    const isApplied =
      due.length > 0 ? targets.length > 0 : sighting.isApplied(event.id, definedBoardOf(event));
    if (isApplied) {
      const ruling = this.partitionRules.changeFor(this.rules, event, targets, this.keys);
      for (const target of targets) {
        this.evolve(event, target, changed);
        done.add(target.board);
      }
      if (ruling) this.amend(ruling, changed);
    }
    if (!isApplied || targets.length < due.length) this.held.push({ event, done });
  }

  private amend(ruling: RulesChange<State>, changed: Set<Place<State, T>>): void {
    for (const { address } of ruling.affectedTargets) {
      const place = this.places.get(address);
      if (!place) continue;
      changed.add(place);
      if (place.state !== undefined && ruling.removes?.(place.state)) {
        this.places.delete(address);
        place.state = undefined;
      }
    }
    for (const { key } of ruling.droppedKeys) {
      for (const place of this.places.deleteKey(key)) {
        changed.add(place);
        place.state = undefined;
      }
    }
    for (const [field, value] of Object.entries(ruling.fields)) {
      if (value === undefined) this.rulings.delete(field);
      else this.rulings.set(field, value);
    }
    this.partitionRules.apply(this.rules, ruling);
  }

  private evolve(event: RecordedEvent<T>, target: Target, changed: Set<Place<State, T>>): void {
    const known = this.places.get(target.address);
    const state = this.projection.evolve(known?.state, event, target, this.rules);
    if (state === undefined || state === known?.state) return;
    const place = known ?? { target, state, event };
    place.state = state;
    place.event = withoutDocument(event);
    if (!known) this.places.set(target.address, place);
    changed.add(place);
  }
}

export const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

/** Hashes documents, because all of them are in memory at once. */
function withoutDocument<T extends EventType>(event: RecordedEvent<T>): RecordedEvent<T> {
  if (!('document' in event.data)) return event;
  return { ...event, data: { ...event.data, document: sha1(event.data.document) } } as RecordedEvent<T>;
}

/** An entry that cannot be decoded is in no state: it is a dead letter, or will be one. */
function decode<T extends EventType>(id: string, fields: readonly string[]): RecordedEvent<T> | undefined {
  try {
    return unpackEvent(id, fields) as RecordedEvent<T>;
  } catch {
    return undefined;
  }
}
