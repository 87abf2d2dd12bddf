import type { EventType, RecordedEvent, StreamName } from '#libs/events';
import type { StateKeys } from './state-keys.js';

/** Where the state of one thing is kept: a field of a hash. */
export interface Address {
  readonly key: string;
  readonly field: string;
}

/** A state that an event concerns. */
export interface Target {
  readonly address: Address;
  /** Of which board it is, where states are of boards. */
  readonly board?: string;
  readonly period?: string | undefined;
  /** Of which version it is, where each version has a state of its own. */
  readonly version?: number;
}

/** A document, passed beside the other arguments: it is large, and never escaped. */
export interface DocumentArgument {
  readonly document: string;
}

/** A key as an argument: of a command that concerns two. */
export interface KeyArgument {
  readonly key: string;
  readonly type: KeyType;
}

/** As Redis calls them. */
export type KeyType = 'zset' | 'string' | 'hash' | 'ReJSON-RL';

/** A write that goes with a change of state, in the same atomic step. */
export interface Effect {
  /** A command of Redis, or `LEVEL`, which the scripts define. */
  readonly command: 'ZADD' | 'ZREM' | 'SET' | 'HSET' | 'HDEL' | 'HINCRBY' | 'UNLINK' | 'LEVEL' | 'JSON.SET';
  readonly type: KeyType;
  readonly key: string;
  readonly args: readonly (string | DocumentArgument | KeyArgument)[];
}

/**
 * A projection: which events it folds into which states, and how these are kept.
 *
 * `evolve` is pure, and any order of the events that `isNext` lets through gives the same states.
 */
export interface Projection<State, T extends EventType = EventType, Rules = undefined> {
  /** Also the name of its consumer group, and of the app that runs it. */
  readonly name: string;
  /** What operators call it. */
  readonly title: string;
  readonly stream: StreamName;
  readonly handles: readonly T[];
  /** The kinds of keys that it keeps, as `StateKeys` names them. */
  readonly kinds: readonly string[];
  /** Where boards can be rebuilt by themselves. */
  readonly boards?: Boards<T, Rules>;
  readonly rulebook: Rulebook<State, T, Rules>;
  /** The states that the event can change; none for one that changes only rules, or nothing. */
  targets(event: RecordedEvent<T>, rules: Rules, keys: StateKeys): readonly Target[];
  /** True for an event that takes effect after all that come before it in the log, where others need no order. */
  comesLast?(event: RecordedEvent<T>): boolean;
  /** False for an event that must wait until another has taken effect. */
  isNext?(state: State | undefined, event: RecordedEvent<T>, target: Target): boolean;
  /** @returns the same when the event changes nothing */
  evolve(state: State | undefined, event: RecordedEvent<T>, rules: Rules, target: Target): State | undefined;
  /** The state as text: a revision that differs whenever the state does, and, after a space, the rest. */
  format(state: State): string;
  parse(text: string): State;
  /** Whether `effects` reads the event: then a rebuild keeps it until it has written what the event changed. */
  readonly needsEvents?: boolean;
  /**
   * What else is kept of a state. A bare fold from nothing to `after` gives the same as all its steps.
   *
   * @param event the last one that changed it; always there when `needsEvents`
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

/** How one board stands apart from the others of its partition. */
export interface Boards<T extends EventType, Rules> {
  /** Whether an event can concern one of the boards, by these rules. */
  concerning(boards: readonly string[], rules: Rules): (event: RecordedEvent<T>) => boolean;
  /** Fields of the rules that are the board's own. */
  fields(board: string): readonly string[];
  /** All keys of a board that goes by these rules, or those: in the same order for any generation. */
  keys(board: string, rules: readonly Readonly<Record<string, string>>[], keys: StateKeys): readonly string[];
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
  /**
   * As `parse`, for folding history: events are judged by the rules that hold in the end.
   *
   * @param boards where only these are folded; whether the assumption came true is asked of these alone
   */
  assume(fields: Readonly<Record<string, string>>, inTheEnd: Fields, boards?: readonly string[]): Rules;
  /**
   * Changes the rules by a ruling that was made.
   *
   * @returns fields of the rules that are assumed to hold in the end from now on, where nothing was assumed
   */
  amend(rules: Rules, ruling: Ruling<State>): Fields;
  /** Whether what was assumed came true. */
  cameTrue(rules: Rules): boolean;
  /**
   * @param targets those of the event
   * @returns nothing for an event that leaves the rules as they are
   */
  rule(
    rules: Rules,
    event: RecordedEvent<T>,
    targets: readonly Target[],
    keys: StateKeys,
  ): Ruling<State> | undefined;
}

/** Fields of the rules and what they become; nothing for one that goes. */
export type Fields = Readonly<Record<string, string | undefined>>;

/** A change of the rules. */
export interface Ruling<State> {
  readonly fields: Fields;
  /** Names what must be built anew from the log under the changed rules: a board. Nothing else is done then. */
  readonly rebuilds?: string;
  /** States that the change concerns, besides those of the event. */
  readonly touches: readonly Target[];
  /** Whether one of them is no more. */
  removes?(state: State): boolean;
  /** @param states of `touches`, in that order */
  effects(states: readonly (State | undefined)[]): Effect[];
  /** Keys that go, with all that is kept in them. */
  readonly drops: readonly KeyArgument[];
}

/** All writes of a ruling, but the changes of the states themselves. */
export function effectsOf<State>(
  { fields, touches, removes, effects, drops }: Ruling<State>,
  states: readonly (State | undefined)[],
  rules: string,
): Effect[] {
  const removed = touches.filter((_, i) => states[i] !== undefined && removes?.(states[i]));
  return [
    ...effects(states),
    ...removed.map(({ address: { key, field } }) => hash('HDEL', key, field)),
    ...drops.map(({ key, type }): Effect => ({ command: 'UNLINK', type, key, args: [] })),
    ...Object.entries(fields).map(([field, value]) =>
      value === undefined ? hash('HDEL', rules, field) : hash('HSET', rules, field, value),
    ),
  ];
}

const hash = (command: 'HSET' | 'HDEL', key: string, ...args: string[]): Effect => ({
  command,
  type: 'hash',
  key,
  args,
});

/**
 * A ruling that changes no rules, but takes away.
 *
 * @param drops names of hashes that go whole
 */
export function erasing<State>({
  drops,
  ...more
}: { readonly drops: readonly string[] } & Partial<Omit<Ruling<State>, 'drops'>>): Ruling<State> {
  return {
    fields: {},
    touches: [],
    removes: () => true,
    effects: () => [],
    ...more,
    drops: drops.map(key => ({ key, type: 'hash' })),
  };
}

/** For projections whose partitions have no rules. */
export const NO_RULES: Rulebook<never, never, undefined> = {
  parse: () => undefined,
  assume: () => undefined,
  amend: () => ({}),
  cameTrue: () => true,
  rule: () => undefined,
};
