export { AddressMap } from './address-map.js';
export { ScriptArguments } from './change-set.js';
export { States } from './held-states.js';
export { LiveState, readFields } from './live-state.js';
export {
  type Effect,
  effectsOf,
  erasing,
  type Fields,
  type KeyArgument,
  NO_RULES,
  type Projection,
  type Rulebook,
  type Ruling,
  type Target,
} from './projection.js';
export { Projector, RebuildImpossibleError, type RebuildListener } from './projector.js';
export { type DocumentStoreName, documentStoreName, StateKeys, stateKeys } from './state-keys.js';
export { inclusion, type Source, scopeOf } from './view.js';
