import type { EventType, RecordedEvent, StreamName } from '#libs/events';
import type { StateKeys } from '#libs/redis';

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
  readonly command: 'ZADD' | 'ZREM' | 'SET' | 'HSET' | 'HDEL' | 'HINCRBY';
  readonly type: 'zset' | 'string' | 'hash';
  readonly key: string;
  readonly args: readonly (string | DocumentArgument)[];
}

/**
 * A projection: which events it folds into which state, and how that state is kept.
 *
 * An event changes the state of one address, or none. `evolve` is pure, and any order of the events that
 * `isNext` lets through gives the same state.
 */
export interface Projection<State, T extends EventType = EventType, Rules = undefined> {
  /** Also the name of its consumer group. */
  readonly name: string;
  /** What operators call it. */
  readonly title: 'ranking' | 'scores' | 'saves';
  readonly stream: StreamName;
  readonly handles: readonly T[];
  /** The kinds of keys that it keeps, as `StateKeys` names them. */
  readonly kinds: readonly string[];
  /** All keys of one board and the field of its rules, where a board can be rebuilt by itself. */
  board?(board: string, keys: StateKeys): { readonly keys: readonly string[]; readonly rule: string };
  readonly rulebook: Rulebook<State, T, Rules>;
  /** Nothing for an event that changes no state, but perhaps the rules. */
  address(event: RecordedEvent<T>, keys: StateKeys): Address | undefined;
  /** False for an event that must wait until another has taken effect. */
  isNext?(state: State | undefined, event: RecordedEvent<T>): boolean;
  /** @returns the same object when the event changes nothing */
  evolve(state: State | undefined, event: RecordedEvent<T>, rules: Rules): State;
  /** The state as text: a revision that differs whenever the state does, and, after a space, the rest. */
  format(state: State): string;
  parse(text: string): State;
  /** What else is kept of a state. A bare fold from nothing to `after` gives the same as all its steps. */
  effects?(
    before: State | undefined,
    after: State,
    event: RecordedEvent<T>,
    rules: Rules,
    keys: StateKeys,
  ): Effect[];
}

/**
 * What a whole partition goes by: few facts, that every worker knows, in one hash.
 *
 * Rules change by events like everything else. A change of rules is committed alone, and refused when the rules
 * that it was computed from are no longer those in force.
 */
export interface Rulebook<State, T extends EventType, Rules> {
  /** @param fields the whole hash */
  parse(fields: Readonly<Record<string, string>>): Rules;
  /** As `parse`, for folding history: events are judged by the rules that hold in the end. */
  assume(fields: Readonly<Record<string, string>>, inTheEnd: Readonly<Record<string, string>>): Rules;
  /** Changes the rules by a ruling that was made. */
  amend(rules: Rules, ruling: Ruling<State>): void;
  /** Whether what was assumed came true. */
  cameTrue(rules: Rules): boolean;
  /** @returns nothing for an event that leaves the rules as they are */
  rule(rules: Rules, event: RecordedEvent<T>, keys: StateKeys): Ruling<State> | undefined;
}

/** A change of the rules. */
export interface Ruling<State> {
  readonly field: string;
  readonly value: string;
  /** Names what must be built anew from the log under the changed rules: a board. Nothing else is done then. */
  readonly rebuilds?: string;
  /** States whose effects depend on the change. */
  readonly touches: readonly Address[];
  /** @param states of `touches`, in that order */
  effects(states: readonly (State | undefined)[]): Effect[];
}

/** For projections whose partitions have no rules. */
export const NO_RULES: Rulebook<never, never, undefined> = {
  parse: () => undefined,
  assume: () => undefined,
  amend: () => {},
  cameTrue: () => true,
  rule: () => undefined,
};
