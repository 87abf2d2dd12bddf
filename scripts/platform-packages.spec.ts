import { readFileSync } from 'node:fs';
import { satisfies } from 'semver';
import { type LockedPackage, type Machine, platformPackages, thisMachine } from './platform-packages.js';

/** The oldest Node that npm may run on: the one of Debian 12 and Ubuntu 24.04. */
const NODE_OF_NPM = '18.19.0';

const MACHINES: readonly Machine[] = [
  { os: 'linux', cpu: 'x64', libc: 'glibc' },
  { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  { os: 'linux', cpu: 'x64', libc: 'musl' },
  { os: 'linux', cpu: 'arm64', libc: 'musl' },
  { os: 'darwin', cpu: 'x64' },
  { os: 'darwin', cpu: 'arm64' },
];

type Lock = Record<string, LockedPackage & { readonly dependencies?: Readonly<Record<string, string>> }>;

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Lock };
const { node } = JSON.parse(readFileSync('package.json', 'utf8')).devDependencies as { node: string };

/** Whether npm skips the package when npm runs on that Node. */
const isSkipped = ({ optional, engines }: LockedPackage) =>
  optional === true && engines?.node !== undefined && !satisfies(NODE_OF_NPM, engines.node);

const names = (found: readonly [string, LockedPackage][]) => found.map(([path]) => path);

describe('the native packages of a platform', () => {
  it.each(MACHINES)('include one package of each native tool for $os $cpu $libc', machine => {
    const found = names(platformPackages(packages, machine));
    for (const tool of ['biomejs/cli', 'swc/core', 'rolldown/binding', 'unrs/resolver-binding'])
      expect(found.filter(path => path.includes(`@${tool}-`))).toEqual([
        expect.stringContaining(`${machine.os}-${machine.cpu}`),
      ]);
  });

  it.each(MACHINES)('include everything that npm on Node 18 skips on $os $cpu $libc', machine => {
    const completed = names(platformPackages(packages, machine));
    const others = Object.entries(packages).filter(
      ([path, locked]) => isSkipped(locked) && isFor(locked, machine) && !completed.includes(path),
    );
    // Other skipped packages must only be used by packages of other platforms, such as the WebAssembly builds.
    for (const [path] of others) {
      const users = usersOf(path.replace(/^.*node_modules\//, ''));
      expect({ path, users: users.filter(user => isFor(user, machine)) }).toEqual({ path, users: [] });
    }
  });

  it('run on the Node that this repository installs', () => {
    const unfit = MACHINES.flatMap(machine => platformPackages(packages, machine)).filter(
      ([, { engines }]) => engines?.node !== undefined && !satisfies(node, engines.node),
    );
    expect(names(unfit)).toEqual([]);
  });

  it('are installed on this machine', () => {
    for (const [path] of platformPackages(packages, thisMachine()))
      expect(() => readFileSync(`${path}/package.json`)).not.toThrow();
  });

  it('exclude other platforms and packages with install scripts', () => {
    const found = platformPackages(
      {
        'node_modules/a': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
        'node_modules/b': { version: '1.0.0', optional: true, os: ['darwin'] },
        'node_modules/c': { version: '1.0.0', optional: true, os: ['!win32'] },
        'node_modules/d': { version: '1.0.0', optional: true, os: ['!linux'] },
        'node_modules/e': { version: '1.0.0', optional: true, os: ['linux'], libc: ['musl'] },
        'node_modules/f': { version: '1.0.0', optional: true, os: ['linux'], hasInstallScript: true },
        'node_modules/g': { version: '1.0.0', os: ['linux'] },
      },
      { os: 'linux', cpu: 'x64', libc: 'glibc' },
    );
    expect(names(found)).toEqual(['node_modules/a', 'node_modules/c']);
  });

  function isFor(locked: LockedPackage, machine: Machine): boolean {
    const { hasInstallScript: _, ...anyway } = locked;
    return (
      platformPackages({ it: { ...anyway, optional: true, cpu: anyway.cpu ?? [machine.cpu] } }, machine)
        .length > 0
    );
  }

  function usersOf(name: string): LockedPackage[] {
    return Object.values(packages).filter(({ dependencies = {} }) => name in dependencies);
  }
});
