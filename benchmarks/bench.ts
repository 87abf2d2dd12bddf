import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Comparison, compare, type Outcome, type Size, type Verdict } from './comparison.js';
import { boot } from './comparisons/boot.js';
import { bulk } from './comparisons/bulk.js';
import { ceiling } from './comparisons/ceiling.js';
import { liveProjection } from './comparisons/live-projection.js';
import { oneScore } from './comparisons/one-score.js';
import { reads } from './comparisons/reads.js';
import { rebuild } from './comparisons/rebuild.js';
import { savesWorker } from './comparisons/saves-worker.js';
import { sizes } from './comparisons/sizes.js';
import { visibility } from './comparisons/visibility.js';
import { withInstallation } from './installation.js';
import { describeEnvironment, logProgress, print, round } from './report.js';

const COMPARISONS: readonly Comparison[] = [
  oneScore,
  bulk,
  reads,
  visibility,
  liveProjection,
  savesWorker,
  rebuild,
  sizes,
  boot,
  ceiling,
];

const USAGE = `npm run bench -- [options]

Measures Questlog and its baselines in turn and compares the medians with the targets.

  --only A,B     ${COMPARISONS.map(({ name }) => name).join(', ')}
  --rounds N     (default: 5, and 3 with --short)
  --short        a smaller run of about three minutes
  --guard FILE   fail when a speed ratio is below 70 % of the one in that file (the output of an earlier --json run)
  --json         print all figures as JSON
`;

/** Relative to the ratio in the file. Only ratios are guarded: absolute figures and percentiles depend too much on the machine. */
const MIN_RATIO = 0.7;
/** How often a comparison that seems slower is measured again. */
const MAX_REPEATS = 2;

interface Options {
  readonly comparisons: readonly Comparison[];
  readonly rounds: number;
  readonly size: Size;
  readonly guard: string | undefined;
  readonly json: boolean;
}

const options = readOptions();
if (options) await run(options);

async function run({ comparisons, rounds, size, guard, json }: Options): Promise<void> {
  const where = await withInstallation(({ redis }) => describeEnvironment(redis));
  const outcomes: Outcome[] = [];
  for (const comparison of comparisons) outcomes.push(await compare(comparison, size, rounds));
  if (json) console.log(JSON.stringify({ ...where, size, rounds, outcomes }, null, 2));
  else {
    for (const { title, medians } of outcomes) print(false, title, where, toMedianRows(medians));
    const verdicts = outcomes.flatMap(outcome => outcome.verdicts.map(toVerdictRow));
    if (verdicts.length > 0) print(false, 'targets', where, verdicts);
  }
  if (guard) await assertNoSlower(outcomes, { guard, size, rounds });
}

function toMedianRows(medians: Outcome['medians']) {
  const units = [...new Set(Object.values(medians).flatMap(Object.keys))];
  return Object.entries(medians).map(([contender, figures]) => ({
    '': contender,
    ...Object.fromEntries(units.map(unit => [unit, formatFigure(figures[unit])])),
  }));
}

function formatFigure(value: number | undefined): string | number {
  return value === undefined ? '' : round(value, value >= 100 ? 0 : 2);
}

function toVerdictRow({ what, unit, wanted, measured, met }: Verdict) {
  return {
    what,
    wanted: 'atLeast' in wanted ? `≥ ${wanted.atLeast}` : `≤ ${wanted.atMost}`,
    measured: `${round(measured)}${unit === 'ratio' ? '' : ` ${unit}`}`,
    met: met ? 'yes' : 'no',
  };
}

/** Reports ratios that became worse. They are measured again first, because any machine is slow now and then. */
async function assertNoSlower(
  outcomes: readonly Outcome[],
  { guard, size, rounds }: { guard: string; size: Size; rounds: number },
): Promise<void> {
  const known = JSON.parse(readFileSync(guard, 'utf8')) as { outcomes: readonly Outcome[] };
  const before = new Map(known.outcomes.flatMap(({ verdicts }) => verdicts).map(each => [each.what, each]));
  let doubtful = outcomes.filter(outcome => findSlower(before, outcome).length > 0);
  for (let again = 0; again < MAX_REPEATS && doubtful.length > 0; again++) {
    const names = new Set(doubtful.map(({ name }) => name));
    logProgress(`slower than before, measuring again: ${[...names].join(', ')}`);
    const measured: Outcome[] = [];
    for (const comparison of COMPARISONS)
      if (names.has(comparison.name)) measured.push(await compare(comparison, size, rounds));
    doubtful = measured.filter(outcome => findSlower(before, outcome).length > 0);
  }
  for (const { what, measured } of doubtful.flatMap(outcome => findSlower(before, outcome)))
    logProgress(
      `slower than before: ${what}: ${round(measured)}, and ${round(before.get(what)?.measured ?? 0)} then`,
    );
  if (doubtful.length > 0) process.exitCode = 1;
}

function findSlower(before: ReadonlyMap<string, Verdict>, { verdicts }: Outcome): Verdict[] {
  return verdicts
    .filter(({ unit, wanted }) => unit === 'ratio' && 'atLeast' in wanted)
    .filter(({ what, measured }) => {
      const then = before.get(what)?.measured;
      if (then === undefined)
        throw new Error(`the guard file has no figure for "${what}": write it again with --json`);
      return measured < MIN_RATIO * then;
    });
}

/** @returns undefined for --help */
function readOptions(): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = parseArgs({
    options: {
      only: text,
      rounds: text,
      guard: text,
      short: flag,
      json: flag,
      help: { ...flag, short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return undefined;
  }
  const names = values.only?.split(',') ?? COMPARISONS.map(({ name }) => name);
  const comparisons = names.map(name => {
    const found = COMPARISONS.find(comparison => comparison.name === name);
    if (!found) throw new Error(`unknown comparison "${name}": see --help`);
    return found;
  });
  const { short = false, guard, json = false } = values;
  const rounds = Number(values.rounds ?? (short ? 3 : 5));
  return { comparisons, rounds, size: short ? 'short' : 'full', guard, json };
}
