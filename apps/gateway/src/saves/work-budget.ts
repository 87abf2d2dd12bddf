/** Steps of work that one path or one patch may take: some 20 ms. Larger work is refused, not done in slices. */
export const MAX_STEPS = 200_000;

/** A path or a patch takes too much work on the document. */
export class WorkBudgetError extends Error {
  readonly code = 'WORK_BUDGET';
  override readonly name = 'WorkBudgetError';

  constructor() {
    super(
      `more than ${MAX_STEPS} steps of work (values looked at or moved, conditions tried, texts compared)`,
    );
  }
}

/** Takes note of steps of work. @throws WorkBudgetError when there were too many */
export type Spend = (steps: number) => void;

export function newBudget(): Spend {
  let left = MAX_STEPS;
  return steps => {
    left -= steps;
    if (left < 0) throw new WorkBudgetError();
  };
}
