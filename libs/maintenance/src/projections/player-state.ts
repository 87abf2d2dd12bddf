import type { ProfileState } from '#libs/players';
import type { PastVersion, SaveState } from '#libs/saves';

/** One state of the projection `saves`: of a slot, of one past version of a slot, or of a profile. */
export type PlayerState = SaveState | PastVersion | ProfileState;
