import type { EventType, RecordedEvent, StreamName } from '#libs/events';
import type { PartitionKeys } from '#libs/redis';

/** Where the state of one thing is kept: a field of a hash. */
export interface Address {
  readonly key: string;
  readonly field: string;
}

/** A document, passed beside the other arguments: it is large, and never escaped. */
export interface DocumentArgument {
  readonly document: string;
}

/** A write that goes with a change of state, in the same atomic step. */
export interface Effect {
  readonly command: 'ZADD' | 'ZREM' | 'SET' | 'DEL';
  readonly type: 'zset' | 'string';
  readonly key: string;
  readonly args: readonly (string | DocumentArgument)[];
}

/**
 * A projection: which events it folds into which state, and how that state is kept.
 *
 * Every event changes the state of one address. `evolve` is pure, and any order of the events that
 * `isNext` lets through gives the same state.
 */
export interface Projection<State, T extends EventType = EventType> {
  /** Also the name of its consumer group. */
  readonly name: string;
  readonly stream: StreamName;
  readonly handles: readonly T[];
  address(event: RecordedEvent<T>, keys: PartitionKeys): Address;
  /** False for an event that must wait until another has taken effect. */
  isNext?(state: State | undefined, event: RecordedEvent<T>): boolean;
  /** @returns the same object when the event changes nothing */
  evolve(state: State | undefined, event: RecordedEvent<T>): State;
  /** The state as text: a revision that differs whenever the state does, and, after a space, the rest. */
  format(state: State): string;
  parse(text: string): State;
  effects?(before: State | undefined, after: State, event: RecordedEvent<T>, keys: PartitionKeys): Effect[];
}
