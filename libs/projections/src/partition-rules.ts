import type { EventType, RecordedEvent } from '#libs/events';
import type { Effect, KeyArgument, Target } from './state-changes.js';
import type { StateKeys } from './state-keys.js';

/**
 * The rules that all states of a partition depend on. They are few, they are stored in one hash, and every worker
 * keeps a copy of them.
 *
 * Events change rules. Such an event is committed alone, and the commit is refused if the rules have changed since
 * the worker read them.
 */
export interface PartitionRules<State, T extends EventType, Rules> {
  /** @param fields the whole rules hash */
  parse(fields: Readonly<Record<string, string>>): Rules;
  /**
   * Like `parse`, for a replay: every event is folded under the rules that hold at the end of the log.
   *
   * @param finalFields the rules hash as it is expected to be when the replay ends
   * @param boards if given, only these boards are replayed, and `assumptionHeld` checks only these
   */
  parseForReplay(
    fields: Readonly<Record<string, string>>,
    finalFields: RulesFields,
    boards?: readonly string[],
  ): Rules;
  /**
   * Applies a change to a worker's copy of the rules.
   *
   * @returns in a replay, fields that are assumed from now on to hold at the end, because nothing was assumed about them
   */
  apply(rules: Rules, change: RulesChange<State>): RulesFields;
  /** True if a replay ended with the rules that it assumed. Otherwise its states are wrong. */
  assumptionHeld(rules: Rules): boolean;
  /**
   * The change of rules that the event makes.
   *
   * @param targets the targets of the event
   * @returns undefined if the event leaves the rules as they are
   */
  changeFor(
    rules: Rules,
    event: RecordedEvent<T>,
    targets: readonly Target[],
    keys: StateKeys,
  ): RulesChange<State> | undefined;
}

/** New values of fields of the rules hash. A field with `undefined` is deleted. */
export type RulesFields = Readonly<Record<string, string | undefined>>;

/** A change of the rules, and the writes that belong to it. */
export interface RulesChange<State> {
  readonly fields: RulesFields;
  /** A board that must be rebuilt under the new rules. The rebuild makes the change; nothing else is done. */
  readonly boardToRebuild?: string;
  /** States that the change concerns, in addition to the targets of the event. */
  readonly affectedTargets: readonly Target[];
  /** Whether an affected state is deleted. */
  removes?(state: State): boolean;
  /** @param states the states of `affectedTargets`, in that order */
  effects(states: readonly (State | undefined)[]): Effect[];
  /** Keys that are deleted. */
  readonly droppedKeys: readonly KeyArgument[];
}

/** All writes of a change of rules, except those of the event's own targets. */
export function effectsOfRulesChange<State>(
  { fields, affectedTargets, removes, effects, droppedKeys }: RulesChange<State>,
  states: readonly (State | undefined)[],
  rulesKey: string,
): Effect[] {
  const removed = affectedTargets.filter((_, i) => states[i] !== undefined && removes?.(states[i]));
  return [
    ...effects(states),
    ...removed.map(({ address: { key, field } }) => hash('HDEL', key, field)),
    ...droppedKeys.map(({ key, type }): Effect => ({ command: 'UNLINK', type, key, args: [] })),
    ...Object.entries(fields).map(([field, value]) =>
      value === undefined ? hash('HDEL', rulesKey, field) : hash('HSET', rulesKey, field, value),
    ),
  ];
}

const hash = (command: 'HSET' | 'HDEL', key: string, ...args: string[]): Effect => ({
  command,
  type: 'hash',
  key,
  args,
});
