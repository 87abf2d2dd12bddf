import { logProgress, round } from './report.js';

/** The results of a contender in one round, by unit: `{ 'req/s': 9_000, 'p99 ms': 4 }`. */
export type Figures = Readonly<Record<string, number>>;

/** The number of events, requests, and entries. `short` is for CI and detects large slowdowns. */
export type Size = 'full' | 'short';

/** A comparison whose contenders are running. Each call of a contender is one measurement. */
export interface OpenComparison {
  readonly contenders: Readonly<Record<string, () => Promise<Figures>>>;
  close(): Promise<void>;
}

/** A target for the medians of the contenders. */
export interface Target {
  readonly what: string;
  /** `ratio` for the quotient of two contenders, which is comparable between machines; other figures are not. */
  readonly unit: string;
  readonly value: (of: (contender: string, unit: string) => number) => number;
  readonly wanted: { readonly atLeast: number } | { readonly atMost: number };
}

/** Questlog and its baselines with the same workload. */
export interface Comparison {
  readonly name: string;
  /** A description of the workload for the report. */
  readonly title: string;
  readonly targets: readonly Target[];
  /** Rounds of the full run that are discarded, because processes are slow after their start. */
  readonly warmUpRounds?: number;
  open(size: Size): Promise<OpenComparison>;
}

export interface Verdict {
  readonly what: string;
  readonly unit: string;
  readonly wanted: Target['wanted'];
  readonly measured: number;
  readonly met: boolean;
}

export interface Outcome {
  readonly name: string;
  readonly title: string;
  /** For each contender, the median of each figure over all rounds. */
  readonly medians: Readonly<Record<string, Figures>>;
  readonly rounds: readonly Readonly<Record<string, Figures>>[];
  readonly verdicts: readonly Verdict[];
}

/** Measures the contenders in turn, so that other load on the machine affects all of them. */
export async function compare(comparison: Comparison, size: Size, count: number): Promise<Outcome> {
  const { name, title, targets, warmUpRounds = 0 } = comparison;
  const field = await comparison.open(size);
  const rounds: Record<string, Figures>[] = [];
  try {
    for (let round = size === 'full' ? 1 - warmUpRounds : 1; round <= count; round++) {
      const seen: Record<string, Figures> = {};
      for (const [contender, measure] of rotate(Object.entries(field.contenders), round)) {
        seen[contender] = await measure();
        const when = round > 0 ? `round ${round} of ${count}` : 'warming up';
        logProgress(`${name}, ${when}: ${contender}: ${formatFigures(seen[contender])}`);
      }
      if (round > 0) rounds.push(seen);
    }
  } finally {
    await field.close();
  }
  const medians = mediansOf(Object.keys(field.contenders), rounds);
  return { name, title, medians, rounds, verdicts: targets.map(target => judge(target, medians)) };
}

/** Rotates the contenders, so that another one is first in each round. */
function rotate<T>(contenders: readonly T[], round: number): T[] {
  const first = Math.max(round - 1, 0) % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

function mediansOf(
  contenders: readonly string[],
  rounds: readonly Readonly<Record<string, Figures>>[],
): Record<string, Figures> {
  const of = (contender: string) => {
    const units = Object.keys(rounds[0]?.[contender] ?? {});
    return units.map(unit => [unit, median(rounds.map(round => round[contender]?.[unit] ?? Number.NaN))]);
  };
  return Object.fromEntries(contenders.map(contender => [contender, Object.fromEntries(of(contender))]));
}

function judge({ what, unit, value, wanted }: Target, medians: Readonly<Record<string, Figures>>): Verdict {
  const measured = value((contender, figure) => {
    const found = medians[contender]?.[figure];
    if (found === undefined) throw new Error(`${what}: ${contender} has no figure "${figure}"`);
    return found;
  });
  const met = 'atLeast' in wanted ? measured >= wanted.atLeast : measured <= wanted.atMost;
  return { what, unit, wanted, measured, met };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

const formatFigures = (figures: Figures) =>
  Object.entries(figures)
    .map(([unit, value]) => `${round(value)} ${unit}`)
    .join(', ');
