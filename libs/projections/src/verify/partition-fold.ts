import { createHash } from 'node:crypto';
import { readLog } from '#libs/event-log';
import { type EventId, type EventType, formatEventId, type RecordedEvent, unpackEvent } from '#libs/events';
import type { RedisClient, StateKeys } from '#libs/redis';
import { AddressMap } from '../address-map.js';
import type { Address, Effect, Projection } from '../projection.js';
import type { Source } from '../view.js';
import { isAfter, type Sighting } from './probes.js';

/** One state of the fold, where the projection would keep it. */
export interface Place<State, T extends EventType> {
  readonly address: Address;
  state: State;
  /** The last event that changed it; of a document, only the SHA-1 is kept. */
  event: RecordedEvent<T>;
}

/** A fold of a partition's log that follows the live state: it holds exactly the events that are in that. */
export class PartitionFold<State, T extends EventType, Rules> {
  readonly places = new AddressMap<Place<State, T>>();
  /** The rules as they are kept. */
  readonly rulings = new Map<string, string>();
  /** Events read. */
  processed = 0;
  private readonly rules: Rules;
  private end: EventId = { ms: 0, seq: 0 };
  /** Events that were read and are not in the live state yet. */
  private held: RecordedEvent<T>[] = [];

  /** @param inTheEnd the rules by which the live state goes */
  constructor(
    private readonly redis: RedisClient,
    private readonly projection: Projection<State, T, Rules>,
    private readonly source: Source,
    private readonly keys: StateKeys,
    inTheEnd: Readonly<Record<string, string>>,
    private readonly board: string | undefined,
  ) {
    this.rules = projection.rulebook.assume({}, inTheEnd);
  }

  /**
   * Folds what came into the live state until a sighting.
   *
   * @returns the places that changed
   */
  async follow(sighting: Sighting, onPage: () => Promise<void>): Promise<Set<Place<State, T>>> {
    const changed = new Set<Place<State, T>>();
    const waiting = this.held;
    this.held = [];
    for (const event of waiting) this.take(event, sighting, changed);
    if (!isAfter(sighting.end, this.end)) return changed;
    const [after, upTo] = [formatEventId(this.end), formatEventId(sighting.end)];
    for await (const page of readLog(this.redis, this.source.keys, after, upTo)) {
      for (const [id, fields] of page) {
        const event = decode<T>(id, fields);
        if (event && this.concerns(event)) this.take(event, sighting, changed);
      }
      this.processed += page.length;
      await onPage();
    }
    this.end = sighting.end;
    return changed;
  }

  /** What goes with a state, besides its own text. */
  effects({ state, event }: Place<State, T>): Effect[] {
    return this.projection.effects?.(undefined, state, event, this.rules, this.keys) ?? [];
  }

  private concerns({ data }: RecordedEvent<T>): boolean {
    return this.board === undefined || !('board' in data) || data.board === this.board;
  }

  private take(event: RecordedEvent<T>, sighting: Sighting, changed: Set<Place<State, T>>): void {
    const board = 'board' in event.data ? event.data.board : undefined;
    if (!sighting.isApplied(event.id, board)) {
      this.held.push(event);
      return;
    }
    const address = this.projection.address(event, this.keys);
    const ruling = this.projection.rulebook.rule(this.rules, event, this.keys);
    if (address) this.evolve(event, address, changed);
    if (!ruling) return;
    for (const touched of ruling.touches) {
      const place = this.places.get(touched);
      if (place) changed.add(place);
    }
    this.rulings.set(ruling.field, ruling.value);
    this.projection.rulebook.amend(this.rules, ruling);
  }

  private evolve(event: RecordedEvent<T>, address: Address, changed: Set<Place<State, T>>): void {
    const known = this.places.get(address);
    const state = this.projection.evolve(known?.state, event, this.rules);
    if (known && state === known.state) return;
    const place = known ?? { address, state, event };
    place.state = state;
    place.event = withoutDocument(event);
    if (!known) this.places.set(address, place);
    changed.add(place);
  }
}

export const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

/** Documents can be large, and all of them are held at once. */
function withoutDocument<T extends EventType>(event: RecordedEvent<T>): RecordedEvent<T> {
  if (!('document' in event.data)) return event;
  return { ...event, data: { ...event.data, document: sha1(event.data.document) } } as RecordedEvent<T>;
}

/** What cannot be decoded is in no state: it is a dead letter, or about to be one. */
function decode<T extends EventType>(id: string, fields: readonly string[]): RecordedEvent<T> | undefined {
  try {
    return unpackEvent(id, fields) as RecordedEvent<T>;
  } catch {
    return undefined;
  }
}
