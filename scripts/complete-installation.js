/**
 * Installs native packages that `npm ci` silently skipped because their `engines` exclude the Node that npm itself runs on.
 * `npm run setup` and `npm run build` call it. It takes 50 ms when nothing is missing.
 *
 * It is plain JavaScript that old versions of Node can run, because it also reports that Node is too old.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformPackages, thisMachine } from './platform-packages.js';

/** @import { LockedPackage } from './platform-packages.js' */

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The installation cannot be completed. The message says what to do. */
class InstallationError extends Error {}

function main() {
  assertNode();
  if (!existsSync(join(ROOT, 'node_modules/rolldown')))
    throw new InstallationError('the build tools are not installed: run `npm ci`');
  for (const [path, locked] of platformPackages(readJson('package-lock.json').packages, thisMachine())) {
    if (existsSync(join(ROOT, path, 'package.json'))) continue;
    install(path, locked);
    process.stdout.write(`installed ${packageName(path)} ${locked.version}, which npm had skipped\n`);
  }
}

function assertNode() {
  const needed = /\d+/.exec(readJson('package.json').engines.node)?.[0];
  if (Number.parseInt(process.versions.node, 10) >= Number(needed)) return;
  throw new InstallationError(
    `Node ${needed} or later is required, but ${process.execPath} is Node ${process.versions.node}: ` +
      'run `npm ci` without --ignore-scripts, which installs the right version in node_modules/.bin/node',
  );
}

/**
 * Downloads a package with npm, verifies its checksum, and moves it into place in one step.
 *
 * @param {string} path relative to the root
 * @param {LockedPackage} locked
 */
function install(path, { name = packageName(path), version, integrity = '' }) {
  const spec = `${name}@${version}`;
  const folder = mkdtempSync(join(ROOT, 'node_modules/.complete-'));
  try {
    run(spec, 'npm', ['pack', '--silent', '--pack-destination', folder, spec]);
    const archive = join(folder, readdirSync(folder)[0] ?? '');
    const [algorithm = ''] = integrity.split('-');
    if (integrity !== `${algorithm}-${createHash(algorithm).update(readFileSync(archive)).digest('base64')}`)
      throw new InstallationError(
        `the checksum of ${spec} differs from the one in package-lock.json: nothing was installed`,
      );
    const unpacked = join(folder, 'unpacked');
    mkdirSync(unpacked);
    run(spec, 'tar', ['-xzf', archive, '-C', unpacked, '--strip-components=1']);
    const target = join(ROOT, path);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(dirname(target), { recursive: true });
    renameSync(unpacked, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} spec the package, for the error message
 * @param {string} program
 * @param {string[]} args
 */
function run(spec, program, args) {
  const { error, status, stderr, stdout } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? `${stderr}${stdout}`.trim();
  throw new InstallationError(
    `npm skipped ${spec}, and \`${program} ${args[0]}\` could not install it: ${reason || `exit status ${status}`}\n` +
      'Check that the package registry is reachable, then run `npm run setup` again.',
  );
}

/** @param {string} path */
function packageName(path) {
  return path.replace(/^.*node_modules\//, '');
}

/** @param {string} file relative to the root */
function readJson(file) {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
}

try {
  main();
} catch (error) {
  process.stderr.write(`questlog: ${error instanceof InstallationError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
