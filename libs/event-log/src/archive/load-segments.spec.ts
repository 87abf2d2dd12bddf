import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The packages that a file imports when it is loaded, directly or through other files of the library. */
function packagesOf(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const statements = readFileSync(file, 'utf8').matchAll(
    /^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm,
  );
  return Array.from(statements, ([, name = '']) => name).flatMap(name =>
    name.startsWith('.') ? packagesOf(join(dirname(file), name.replace(/\.js$/, '.ts')), seen) : [name],
  );
}

const LARGE = /^(hyparquet|@aws-sdk)/;

describe('the archive', () => {
  it('loads no large package where no archive is used', () => {
    const packages = packagesOf('libs/event-log/src/index.ts');
    expect(packages).toContain('#libs/redis');
    expect(packages.filter(name => LARGE.test(name))).toEqual([]);
  });

  it('loads them with the segments', () => {
    const packages = packagesOf('libs/event-log/src/archive/segments.ts');
    expect(packages.filter(name => LARGE.test(name))).toContain('hyparquet-writer');
  });
});
