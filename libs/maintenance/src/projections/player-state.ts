import type { ProfileState } from '#libs/players';
import type { PastVersion, SaveState } from '#libs/saves';

/** A state of the projection `saves`: a slot, a past version of a slot, or a profile. */
export type PlayerState = SaveState | PastVersion | ProfileState;
