import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#libs/embedded-redis';
import type { Comparison, Figures } from '../comparison.js';

/** The time from the command until all services are ready, in a folder where Questlog has run before. */
export const boot: Comparison = {
  name: 'boot',
  title: '`npm start`, from the command until everything is ready',
  targets: [
    {
      what: '`npm start` until ready, warm',
      unit: 's',
      value: of => of('questlog', 's'),
      wanted: { atMost: 5 },
    },
  ],
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'questlog-boot-'));
    await start(folder);
    return {
      contenders: { questlog: () => start(folder) },
      close: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};

async function start(folder: string): Promise<Figures> {
  const port = await freePort();
  const env = { ...process.env, DATA_DIR: folder, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'error' };
  const began = performance.now();
  const npm = spawn('npm', ['start'], { env, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
  const ended = once(npm, 'exit');
  try {
    while (!(await isReady(port))) {
      if (npm.exitCode !== null) throw new Error(`npm start ended with ${npm.exitCode}`);
      await delay(20);
    }
    return { s: (performance.now() - began) / 1_000 };
  } finally {
    // Like Ctrl-C: the signal goes to the whole process group.
    if (npm.pid !== undefined && npm.exitCode === null) process.kill(-npm.pid, 'SIGINT');
    await ended;
  }
}

async function isReady(port: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
  return answer?.ok === true;
}
