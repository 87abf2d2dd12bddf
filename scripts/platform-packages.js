/**
 * @typedef {object} LockedPackage
 * @property {string} version
 * @property {string} [name] only when it differs from the name of the folder
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

/** @returns {Machine} the machine this process runs on */
export function thisMachine() {
  const { platform, arch } = process;
  if (platform !== 'linux') return { os: platform, cpu: arch };
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return { os: platform, cpu: arch, libc: header.glibcVersionRuntime ? 'glibc' : 'musl' };
}

/**
 * Lists the native packages that a machine needs: optional packages for its operating system, processor, and C library.
 *
 * `engines` is ignored on purpose: npm skips packages that exclude the Node that npm itself runs on (Node 18 on Debian 12),
 * although they work with the Node that runs Questlog. Packages with install scripts are not included, because they may be
 * missing after a failed script, and the packages that use them work without them.
 *
 * @param {Record<string, LockedPackage>} packages `packages` of package-lock.json
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
 * @param {string[] | undefined} list as in package.json, such as `["linux"]` or `["!win32"]`
 * @param {string | undefined} value
 */
function allows(list, value) {
  if (!list || value === undefined) return true;
  if (list.includes(`!${value}`)) return false;
  return list.includes(value) || list.every(item => item.startsWith('!'));
}
