import type { EventType, RecordedEvent, StreamName } from '#libs/events';
import type { PartitionRules } from './partition-rules.js';
import type { Effect, Target } from './state-changes.js';
import type { StateKeys } from './state-keys.js';

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
  /** Present if all states of a partition depend on rules that events change. */
  readonly partitionRules?: PartitionRules<State, T, Rules>;
  /** The states that the event can change. Empty if it changes none, or only removes states. */
  targets(event: RecordedEvent<T>, keys: StateKeys, rules: Rules): readonly Target[];
  /** The states that the event removes, if it is one that removes states. Not used if there are `partitionRules`. */
  removalFor?(event: RecordedEvent<T>, keys: StateKeys): Removal<State> | undefined;
  /** True if the event must wait until all earlier events of the partition have been applied. */
  waitsForAllEarlier?(event: RecordedEvent<T>): boolean;
  /** False if the event must wait until another event of the same state has been applied. */
  isNext?(state: State | undefined, event: RecordedEvent<T>, target: Target): boolean;
  /** @returns the given state, the same object, if the event changes nothing */
  evolve(state: State | undefined, event: RecordedEvent<T>, target: Target, rules: Rules): State | undefined;
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
    target: Target,
    keys: StateKeys,
    rules: Rules,
  ): Effect[];
}

/** States that an event removes, such as those of an erased player. */
export interface Removal<State> {
  /** Keys of hashes that are deleted as a whole. */
  readonly hashes: readonly string[];
  /** Single states that are deleted. */
  readonly states?: readonly Target[];
  /** @param states what `states` held, in that order */
  effects?(states: readonly (State | undefined)[]): Effect[];
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
