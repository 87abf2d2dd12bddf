export { AddressMap } from './address-map.js';
export { ScriptArguments } from './change-set.js';
export { LiveState, readFields } from './live-state.js';
export { LoadedStates } from './loaded-states.js';
export {
  effectsOfRulesChange,
  type PartitionRules,
  type RulesChange,
  type RulesFields,
} from './partition-rules.js';
export { partitionRulesOf } from './partition-rules-of.js';
export type { Projection, Removal } from './projection.js';
export { Projector } from './projector.js';
export { RebuildImpossibleError, type RebuildListener } from './rebuild-listener.js';
export type { Effect, KeyArgument, Target } from './state-changes.js';
export { type DocumentStoreName, documentStoreName, StateKeys, stateKeys } from './state-keys.js';
export { definedBoardOf, inclusion, type Source } from './view.js';
