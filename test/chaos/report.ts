/** One thing that must hold, and where it did not. */
export interface Check {
  readonly name: string;
  /** How much was looked at. */
  readonly checked: number;
  /** Empty when it holds. */
  readonly differences: readonly string[];
}

export interface Report {
  readonly seed: number;
  /** Of the whole run. */
  readonly seconds: number;
  /** Writes, by the type of their event. */
  readonly acknowledged: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly traffic: Readonly<Record<string, number>>;
  readonly checks: readonly Check[];
  /** One text for each check that failed: its name and its first differences. */
  readonly failures: readonly string[];
  /** What is left of the run when a check failed: logs and the data of Redis. */
  readonly folder?: string;
}

/** How many differences are told of each check. */
const SHOWN = 10;

export function failuresOf(checks: readonly Check[]): string[] {
  return checks.filter(({ differences }) => differences.length > 0).map(failure);
}

function failure({ name, differences }: Check): string {
  const more = differences.length - SHOWN;
  return [
    `${name}: ${differences.length} differences`,
    ...differences.slice(0, SHOWN).map(text => `  ${text}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join('\n');
}

/** The report as its reader sees it at the end of a run. */
export function formatReport(report: Report): string {
  const { seed, seconds, acknowledged, faults, traffic, checks, failures, folder } = report;
  const failed = failures.length;
  return [
    '',
    table('run', { seed, seconds }),
    table('acknowledged', acknowledged),
    table('faults', faults),
    table('traffic', traffic),
    'checks',
    ...checks.map(({ name, checked, differences }) =>
      line(`${differences.length > 0 ? 'FAILED' : 'ok'}  ${name}`.replace(/^ok/, 'ok    '), checked),
    ),
    '',
    ...failures,
    failed === 0 ? `seed ${seed}: everything holds` : `seed ${seed}: ${failed} checks FAILED`,
    ...(folder === undefined ? [] : [`logs and data are kept in ${folder}`]),
  ].join('\n');
}

function table(title: string, rows: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(rows);
  return [title, ...sorted.map(([name, value]) => line(name, value)), ''].join('\n');
}

const line = (name: string, value: number) => `  ${name.padEnd(46)}${String(value).padStart(12)}`;
