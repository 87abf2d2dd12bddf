/**
 * Installs what `npm ci` left out without a word: native parts of our tools whose `engines` exclude the Node that npm
 * runs on. `npm run setup` and `npm run build` call it; it takes 50 ms when nothing is missing.
 *
 * Plain JavaScript that old Nodes can run, since it also says so when our Node is missing.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { platformPackages, thisMachine } from './platform-packages.js';

/** @import { LockedPackage } from './platform-packages.js' */

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The installation cannot be completed; the message says what to do. */
class InstallationError extends Error {}

function main() {
  assertNode();
  if (!existsSync(join(ROOT, 'node_modules/rolldown')))
    throw new InstallationError('the tools that build Questlog are not installed: run `npm ci`');
  for (const [path, locked] of platformPackages(read('package-lock.json').packages, thisMachine())) {
    if (existsSync(join(ROOT, path, 'package.json'))) continue;
    install(path, locked);
    process.stdout.write(`installed ${nameOf(path)} ${locked.version}, which npm had left out\n`);
  }
}

function assertNode() {
  const needed = /\d+/.exec(read('package.json').engines.node)?.[0];
  if (Number.parseInt(process.versions.node, 10) >= Number(needed)) return;
  throw new InstallationError(
    `Node ${needed} or later is needed, and ${process.execPath} is Node ${process.versions.node}: ` +
      'run `npm ci`, without --ignore-scripts; it brings the right one to node_modules/.bin/node',
  );
}

/**
 * Fetches a package as npm is configured to, and puts it in its place in one step.
 *
 * @param {string} path below the root
 * @param {LockedPackage} locked
 */
function install(path, { name = nameOf(path), version, integrity = '' }) {
  const spec = `${name}@${version}`;
  const folder = mkdtempSync(join(ROOT, 'node_modules/.complete-'));
  try {
    run(spec, 'npm', ['pack', '--silent', '--pack-destination', folder, spec]);
    const archive = join(folder, readdirSync(folder)[0] ?? '');
    const [algorithm = ''] = integrity.split('-');
    if (integrity !== `${algorithm}-${createHash(algorithm).update(readFileSync(archive)).digest('base64')}`)
      throw new InstallationError(`${spec} is not what package-lock.json says: its checksum differs`);
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
 * @param {string} spec what it is done for
 * @param {string} program
 * @param {string[]} args
 */
function run(spec, program, args) {
  const { error, status, stderr, stdout } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? `${stderr}${stdout}`.trim();
  throw new InstallationError(
    `npm left out ${spec}, and \`${program} ${args[0]}\` could not bring it: ${reason || `exit status ${status}`}\n` +
      'Look whether the package registry can be reached, and run `npm run setup` again.',
  );
}

/** @param {string} path */
function nameOf(path) {
  return path.replace(/^.*node_modules\//, '');
}

/** @param {string} file below the root */
function read(file) {
  return JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
}

try {
  main();
} catch (error) {
  process.stderr.write(`questlog: ${error instanceof InstallationError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
