import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Milliseconds that a service has to end in order. */
const GRACE = 20_000;

/** One of the services as a child process. It ends by itself when this process dies: its IPC channel closes. */
export class ChildService {
  private child: ChildProcess | undefined;
  private url: string | undefined;

  constructor(
    readonly name: string,
    private readonly environment: NodeJS.ProcessEnv,
    /** What it prints goes there: a file descriptor of this process. */
    private readonly output = 1,
  ) {}

  start(): void {
    const main = fileURLToPath(new URL(`../apps/${this.name}/src/main.js`, import.meta.url));
    this.url = undefined;
    this.child = spawn(process.execPath, ['--enable-source-maps', main], {
      env: this.environment,
      stdio: ['ignore', this.output, 'inherit', 'ipc'],
      // Its own process group: a Ctrl-C at the terminal is for this process, which ends things in order.
      detached: true,
    });
    this.child.on('message', message => {
      this.url = (message as { url: string }).url;
    });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** @returns the exit status or the signal */
  async ended(): Promise<string> {
    if (this.child && this.running) await once(this.child, 'exit');
    return this.child?.signalCode ?? `exit status ${this.child?.exitCode}`;
  }

  /** @throws Error when the service ends instead of becoming ready */
  async ready(): Promise<void> {
    for (;;) {
      if (!this.running)
        throw new Error(`${this.name} ended at its start (${await this.ended()}): the lines above say why`);
      const answer = this.url ? await fetch(`${this.url}/readyz`).catch(() => undefined) : undefined;
      if (answer?.ok) return;
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    this.child?.kill('SIGTERM');
    const late = setTimeout(() => this.child?.kill('SIGKILL'), GRACE);
    await this.ended();
    clearTimeout(late);
  }

  /** Stops it in the middle of things, without its noticing, or lets it go on. */
  freeze(frozen: boolean): void {
    this.child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }
}
