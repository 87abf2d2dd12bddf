/** Steps of one path or patch, at most: some 20 ms. More work is refused, and not done in slices. */
export const MAX_STEPS = 200_000;

/** A path or a patch takes too many steps on the document. */
export class WorkBudgetError extends Error {
  readonly code = 'WORK_BUDGET';
  override readonly name = 'WorkBudgetError';

  constructor() {
    super(
      `more than ${MAX_STEPS} steps of work (values looked at or moved, conditions tried, texts compared)`,
    );
  }
}

/** Counts steps. @throws WorkBudgetError when there are too many */
export type Spend = (steps: number) => void;

export function newBudget(): Spend {
  let left = MAX_STEPS;
  return steps => {
    left -= steps;
    if (left < 0) throw new WorkBudgetError();
  };
}
