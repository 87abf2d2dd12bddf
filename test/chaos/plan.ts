import type { Random } from './random.js';

/** How often each fault comes in a round of all of them. */
const ROUND = {
  'kill-worker': 3,
  'freeze-worker': 2,
  'add-worker': 1,
  'remove-worker': 1,
  'kill-redis': 2,
  'freeze-redis': 1,
  'fill-redis': 1,
  'demote-redis': 1,
  'lock-redis': 1,
  'jump-clock': 1,
  'kill-gateway': 2,
  'freeze-gateway': 1,
  'start-rebuild': 2,
  'cancel-rebuild': 1,
  'plant-poison': 2,
};

export type FaultKind = keyof typeof ROUND;
export const FAULTS = Object.keys(ROUND) as FaultKind[];

/** A fault that is going to be injected. Where and how much are fractions of what there is at that time. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** Milliseconds from the beginning. */
  readonly at: number;
  /** In [0, 1). */
  readonly where: number;
  /** In [0, 1). */
  readonly amount: number;
}

/**
 * Faults for a whole run, in the order of their time. They come in rounds, so that even a short run has every kind.
 *
 * @param duration milliseconds
 * @param interval milliseconds between two faults, on average
 */
export function planFaults(
  random: Random,
  duration: number,
  interval: number,
  kinds: readonly FaultKind[],
): PlannedFault[] {
  const round = kinds.flatMap(kind => Array<FaultKind>(ROUND[kind]).fill(kind));
  const plan: PlannedFault[] = [];
  if (round.length === 0) return plan;
  let queue: FaultKind[] = [];
  for (let at = interval; ; at += interval * (0.5 + random.next())) {
    if (queue.length === 0) queue = random.shuffle(round);
    const kind = queue.pop();
    if (!kind || at >= duration) return plan;
    plan.push({ kind, at, where: random.next(), amount: random.next() });
  }
}
