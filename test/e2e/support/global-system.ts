import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#libs/embedded-redis';

const START_MS = 60_000;

/** Runs the system, and stops it when standard input closes. That also happens when Jest dies, however it dies. */
const WATCHDOG_SCRIPT = `exec 3<&0
"$0" "$1" </dev/null & system=$!
(read -r _ <&3; kill -TERM $system) 2>/dev/null & watcher=$!
wait $system; status=$?
kill $watcher 2>/dev/null
exit $status`;

/**
 * Jest's global setup of the end-to-end tests: starts the system that all files with default settings share, and puts
 * its address into the environment, where `SharedSystem` finds it.
 */
export default async function startSharedSystem(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'questlog-e2e-shared-'));
  const port = String(await freePort());
  const output = join(folder, 'output');
  const outputFile = openSync(output, 'w');
  const shell = spawn('sh', ['-c', WATCHDOG_SCRIPT, process.execPath, 'dist/scripts/start.js'], {
    env: { PATH: process.env.PATH, DATA_DIR: folder, PORT: port },
    stdio: ['pipe', outputFile, outputFile],
    // So that Ctrl-C does not end the shell before it has ended the system.
    detached: true,
  });
  closeSync(outputFile);
  const exited = once(shell, 'exit');
  const stop = async () => {
    shell.stdin?.end();
    const [status] = await exited;
    const printed = readFileSync(output, 'utf8');
    rmSync(folder, { recursive: true, force: true });
    if (status !== 0) throw new Error(`the shared system ended with status ${status}:\n${printed}`);
  };
  (globalThis as { stopSharedSystem?: () => Promise<void> }).stopSharedSystem = stop;
  Object.assign(process.env, { SHARED_SYSTEM_FOLDER: folder, SHARED_SYSTEM_PORT: port });
  const deadline = Date.now() + START_MS;
  while (!readFileSync(output, 'utf8').includes('Questlog is up')) {
    if (shell.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error('the shared system did not start');
    }
    await delay(20);
  }
}
