import type { EventType } from '#libs/events';
import type { PartitionRules, RulesChange } from './partition-rules.js';
import type { Projection, Removal } from './projection.js';

/**
 * The rules of any projection. One without `partitionRules` has none that an event could change: its events can only remove
 * states, which is committed like a change of rules without fields.
 */
export function partitionRulesOf<State, T extends EventType, Rules>(
  projection: Projection<State, T, Rules>,
): PartitionRules<State, T, Rules> {
  if (projection.partitionRules) return projection.partitionRules;
  // `Rules` is undefined in a projection without `partitionRules`.
  const noRules = undefined as Rules;
  return {
    parse: () => noRules,
    parseForReplay: () => noRules,
    apply: () => ({}),
    assumptionHeld: () => true,
    changeFor: (_rules, event, _targets, keys) => toChange(projection.removalFor?.(event, keys)),
  };
}

function toChange<State>(removal: Removal<State> | undefined): RulesChange<State> | undefined {
  if (!removal) return undefined;
  const { hashes, states = [], effects = () => [] } = removal;
  return {
    fields: {},
    affectedTargets: states,
    removes: () => true,
    effects,
    droppedKeys: hashes.map(key => ({ key, type: 'hash' })),
  };
}
