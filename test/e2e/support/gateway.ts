import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '#libs/embedded-redis';
import { eventually } from '#libs/testing';
import { Client } from './client.js';
import type { RunningSystem } from './system.js';

/** An additional gateway on the log of a running system. */
export class Gateway {
  private constructor(
    private readonly process: ChildProcess,
    readonly port: number,
  ) {}

  static async start(system: RunningSystem, environment: NodeJS.ProcessEnv): Promise<Gateway> {
    const port = Number(environment.PORT ?? (await freePort()));
    const child = spawn(process.execPath, ['dist/apps/gateway/src/main.js'], {
      env: { PATH: process.env.PATH, REDIS_URL: system.redisUrl, ...environment, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const gateway = new Gateway(child, port);
    const client = new Client(port);
    await eventually(async () => expect((await client.get('/readyz')).status).toBe(200), 30_000, 50);
    client.close();
    return gateway;
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await exited;
  }
}
