import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Cluster } from '../cluster.js';
import { PROJECTIONS } from '../rebuilds.js';
import type { Check } from '../report.js';

/** Milliseconds for one verification. */
const TIMEOUT = 120_000;

/** The product's own verification, which compares each projection with the fold of the log, agrees. */
export async function checkVerify(cluster: Cluster, when: string): Promise<Check> {
  const script = join(cluster.dist, 'scripts', 'verify.js');
  const name = `verify finds nothing wrong${when}`;
  if (!existsSync(script)) {
    return { name, checked: 0, differences: [`there is no ${script}: leave it out with --skip-verify`] };
  }
  const differences: string[] = [];
  for (const projection of PROJECTIONS) {
    const complaint = await verify(cluster, script, projection);
    if (complaint !== undefined) differences.push(`${projection}: ${complaint}`);
  }
  return { name, checked: PROJECTIONS.length, differences };
}

/** @returns what it said, if it did not end with status 0 */
function verify(cluster: Cluster, script: string, projection: string): Promise<string | undefined> {
  const options = { cwd: dirname(cluster.dist), env: cluster.environment, timeout: TIMEOUT };
  return new Promise(resolve => {
    execFile(process.execPath, [script, projection], options, (error, stdout, stderr) => {
      resolve(error ? `${error.message}\n${stdout}${stderr}`.trim().slice(0, 2_000) : undefined);
    });
  });
}
