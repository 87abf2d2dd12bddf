import type { EventType, RecordedEvent, StreamName } from '#libs/events';
import type { PartitionRules } from './partition-rules.js';
import type { StateKeys } from './state-keys.js';

/** Where one state is stored: a field of a Redis hash. */
export interface Address {
  readonly key: string;
  readonly field: string;
}

/** A state that an event can change. */
export interface Target {
  readonly address: Address;
  /** The board that the state belongs to, in projections of boards. */
  readonly board?: string;
  readonly period?: string | undefined;
  /** The version that the state holds, in projections that keep one state per version. */
  readonly version?: number;
}

/** A document as an argument. Scripts receive it as a separate ARGV, so that a large text is not escaped. */
export interface DocumentArgument {
  readonly document: string;
}

/** A key as an argument, for commands that use two keys. */
export interface KeyArgument {
  readonly key: string;
  readonly type: KeyType;
}

/** Key types, as the Redis command TYPE names them. */
export type KeyType = 'zset' | 'string' | 'hash' | 'ReJSON-RL';

/** A write that belongs to a change of state and is made in the same atomic step. */
export interface Effect {
  /** A Redis command, or `LEVEL`, which `commit.lua` defines. */
  readonly command: 'ZADD' | 'ZREM' | 'SET' | 'HSET' | 'HDEL' | 'HINCRBY' | 'UNLINK' | 'LEVEL' | 'JSON.SET';
  readonly type: KeyType;
  readonly key: string;
  readonly args: readonly (string | DocumentArgument | KeyArgument)[];
}

/**
 * A projection: which events it handles, how it folds them into states, and how it stores the states.
 *
 * `evolve` is pure. Every order of events that `isNext` allows must give the same states.
 */
export interface Projection<State, T extends EventType = EventType, Rules = undefined> {
  /** The name of the consumer group, and of the app that runs the projection. */
  readonly name: string;
  /** The name that operators use. */
  readonly title: string;
  readonly stream: StreamName;
  readonly handles: readonly T[];
  /** The kinds of keys that the projection stores, as `StateKeys` names them. */
  readonly kinds: readonly string[];
  /** Present if a single board can be rebuilt or verified. */
  readonly boardScope?: BoardScope<T, Rules>;
  readonly partitionRules: PartitionRules<State, T, Rules>;
  /** The states that the event can change. Empty if the event changes only rules, or nothing. */
  targets(event: RecordedEvent<T>, rules: Rules, keys: StateKeys): readonly Target[];
  /** True if the event must wait until all earlier events of the partition have been applied. */
  waitsForAllEarlier?(event: RecordedEvent<T>): boolean;
  /** False if the event must wait until another event of the same state has been applied. */
  isNext?(state: State | undefined, event: RecordedEvent<T>, target: Target): boolean;
  /** @returns the given state, the same object, if the event changes nothing */
  evolve(state: State | undefined, event: RecordedEvent<T>, rules: Rules, target: Target): State | undefined;
  /** Writes a state as text: its revision, a space, and the rest. Different states must have different revisions. */
  format(state: State): string;
  parse(text: string): State;
  /** True if `effects` reads the event. A rebuild then keeps the event until its effects are written. */
  readonly needsEvents?: boolean;
  /**
   * Further writes that a change of state needs. One call from no state to `after` must have the same result as
   * the calls for all changes in between.
   *
   * @param event the last event that changed the state; always given if `needsEvents` is true
   */
  effects?(
    before: State | undefined,
    after: State,
    event: RecordedEvent<T> | undefined,
    rules: Rules,
    keys: StateKeys,
    target: Target,
  ): Effect[];
}

/** Which events, rules, and keys belong to one board, so that it can be rebuilt or verified alone. */
export interface BoardScope<T extends EventType, Rules> {
  /** @returns a filter for the events that can concern one of the boards */
  eventFilter(boards: readonly string[], rules: Rules): (event: RecordedEvent<T>) => boolean;
  /** The fields of the rules hash that belong to the board alone. */
  rulesFields(board: string): readonly string[];
  /**
   * All keys of a board under any of the given rules. The order is the same in every generation.
   *
   * @param rules contents of rules hashes
   */
  keys(board: string, rules: readonly Readonly<Record<string, string>>[], keys: StateKeys): readonly string[];
}
