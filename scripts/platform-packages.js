/**
 * @typedef {object} LockedPackage
 * @property {string} version
 * @property {string} [name] where the folder has another
 * @property {string} [integrity]
 * @property {boolean} [optional]
 * @property {boolean} [hasInstallScript]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {{ node?: string }} [engines]
 */

/**
 * @typedef {object} Machine
 * @property {string} os as `process.platform`
 * @property {string} cpu as `process.arch`
 * @property {'glibc' | 'musl'} [libc] on Linux
 */

/** @returns {Machine} the one that this process runs on */
export function thisMachine() {
  const { platform, arch } = process;
  if (platform !== 'linux') return { os: platform, cpu: arch };
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return { os: platform, cpu: arch, libc: header.glibcVersionRuntime ? 'glibc' : 'musl' };
}

/**
 * The native parts of tools that a machine needs: optional packages for its system, processor, and C library.
 * Their `engines` are not asked: npm leaves out those that exclude the Node that npm itself runs on (Node 18 with
 * Debian 12), although ours runs them. Packages with install scripts are not among them: those may be missing
 * because their script failed, and their users do without.
 *
 * @param {Record<string, LockedPackage>} packages those of package-lock.json
 * @param {Machine} machine
 * @returns {[path: string, locked: LockedPackage][]}
 */
export function platformPackages(packages, { os, cpu, libc }) {
  return Object.entries(packages).filter(
    ([, locked]) =>
      locked.optional &&
      (locked.os || locked.cpu) &&
      !locked.hasInstallScript &&
      allows(locked.os, os) &&
      allows(locked.cpu, cpu) &&
      allows(locked.libc, libc),
  );
}

/**
 * @param {string[] | undefined} list as in package.json: `["linux"]`, or `["!win32"]`
 * @param {string | undefined} value
 */
function allows(list, value) {
  if (!list || value === undefined) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every(item => item.startsWith('!'));
}
