import { rounded, say } from './report.js';

/** What was seen of a contender in one round, by unit: `{ 'req/s': 9_000, 'p99 ms': 4 }`. */
export type Figures = Readonly<Record<string, number>>;

/** How many events, requests and entries; the short form is for CI, and finds what became much slower. */
export type Size = 'full' | 'short';

/** Whoever takes part, ready to be measured once a round; each call is one measurement. */
export interface Field {
  readonly contenders: Readonly<Record<string, () => Promise<Figures>>>;
  close(): Promise<void>;
}

/** What is wanted of the medians of all contenders. */
export interface Target {
  readonly what: string;
  /** A quotient of two contenders is comparable from machine to machine; other figures are not. */
  readonly unit: string;
  readonly value: (of: (contender: string, unit: string) => number) => number;
  readonly wanted: { readonly atLeast: number } | { readonly atMost: number };
}

/** Questlog and its baselines at the same work. */
export interface Comparison {
  readonly name: string;
  /** What is done, and how often, for the report. */
  readonly title: string;
  readonly targets: readonly Target[];
  /** Rounds that do not count, in the full form: of processes that serve for days, nobody asks how they begin. */
  readonly warmUps?: number;
  open(size: Size): Promise<Field>;
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
  /** Of each contender, the median of each figure over all rounds. */
  readonly medians: Readonly<Record<string, Figures>>;
  readonly rounds: readonly Readonly<Record<string, Figures>>[];
  readonly verdicts: readonly Verdict[];
}

/** Measures the contenders in turn, so that what else the machine does troubles all of them. */
export async function compare(comparison: Comparison, size: Size, count: number): Promise<Outcome> {
  const { name, title, targets, warmUps = 0 } = comparison;
  const field = await comparison.open(size);
  const rounds: Record<string, Figures>[] = [];
  try {
    for (let round = size === 'full' ? 1 - warmUps : 1; round <= count; round++) {
      const seen: Record<string, Figures> = {};
      for (const [contender, measure] of inTurn(Object.entries(field.contenders), round)) {
        seen[contender] = await measure();
        const when = round > 0 ? `round ${round} of ${count}` : 'warming up';
        say(`${name}, ${when}: ${contender}: ${inWords(seen[contender])}`);
      }
      if (round > 0) rounds.push(seen);
    }
  } finally {
    await field.close();
  }
  const medians = mediansOf(Object.keys(field.contenders), rounds);
  return { name, title, medians, rounds, verdicts: targets.map(target => judge(target, medians)) };
}

/** Whoever comes first is another one each round. */
function inTurn<T>(contenders: readonly T[], round: number): T[] {
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
    if (found === undefined) throw new Error(`${what}: nobody measured ${figure} of ${contender}`);
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

const inWords = (figures: Figures) =>
  Object.entries(figures)
    .map(([unit, value]) => `${rounded(value)} ${unit}`)
    .join(', ');
