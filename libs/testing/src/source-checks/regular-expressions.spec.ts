import { execFileSync } from 'node:child_process';
import { type FoundExpression, regularExpressionsIn } from './regular-expressions.js';

/** Milliseconds for all expressions; on a quiet machine they take ten seconds. */
const ALL_MS = 300_000;

/** Where expressions are built at run time: from names in the code, never from what callers send. */
const BUILDERS = [
  'libs/maintenance/src/rebuild/sweep.ts',
  'libs/projections/src/view.ts',
  'libs/maintenance/src/repartition/preflight.ts',
];

/** How the time of a match grows with the length of the text, for each expression. */
function growthsOf(expressions: readonly (readonly [source: string, flags: string])[]): string[] {
  const program = 'libs/testing/src/source-checks/growth-of-expressions.mjs';
  const options = { input: JSON.stringify(expressions), encoding: 'utf8' } as const;
  return JSON.parse(execFileSync(process.execPath, [program], options)) as string[];
}

/** `safe` is what recheck says where it has tried to make it slow, and failed. */
const FAST = ['constant', 'linear', 'safe'];

describe('the regular expressions of the product', () => {
  const expressions = regularExpressionsIn(process.cwd(), ['apps', 'libs', 'scripts']);
  const written = expressions.filter(
    (found): found is FoundExpression & { source: string } => found.source !== undefined,
  );

  it('are found', () => {
    expect(written.length).toBeGreaterThan(30);
    expect(written.map(({ source }) => source)).toContain('^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$');
  });

  it(
    'match in a time that grows with the text, and no faster',
    () => {
      const growths = growthsOf(written.map(({ source, flags }) => [source, flags]));
      const slow = written.flatMap(({ at, text }, i) =>
        FAST.includes(growths[i] ?? '')
          ? []
          : [`${at}: ${text} is ${growths[i]}: read the text without an expression, or change it`],
      );
      expect(slow).toEqual([]);
    },
    ALL_MS,
  );

  it('are not built at run time, but in the files that are known here', () => {
    const built = expressions.filter(
      ({ source, at }) => source === undefined && !BUILDERS.some(file => at.startsWith(`${file}:`)),
    );
    expect(built).toEqual([]);
  });

  it('would be seen as what they are', () => {
    const growths = growthsOf([
      ['^\\s*wait\\s*=\\s*"?([^"]*)"?\\s*$', 'i'],
      ['0+$', ''],
      ['^(a+)+$', ''],
      ['^[a-z]+$', ''],
    ]);
    expect(growths).toEqual(['polynomial', 'polynomial', 'exponential', 'linear']);
  });
});
