import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds for an orderly end. A service allows itself 15 seconds. */
const GRACE = 25_000;

export interface ServiceOptions {
  /** Names it in reports, and its log: `scores-2`. */
  readonly name: string;
  readonly app: string;
  /** The folder of the build. */
  readonly dist: string;
  readonly logs: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Called for each end, by itself or not. */
  readonly onEnd: (service: Service) => void;
}

/** One service as a child process that can be killed, frozen and started again. It dies with its parent. */
export class Service {
  private child: ChildProcess | undefined;
  private url: string | undefined;
  /** The last end was this harness's doing. */
  ordered = false;
  /** It is not to be started again. */
  retired = false;
  frozen = false;

  constructor(private readonly options: ServiceOptions) {}

  get name(): string {
    return this.options.name;
  }

  get app(): string {
    return this.options.app;
  }

  get log(): string {
    return join(this.options.logs, `${this.name}.log`);
  }

  get running(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** True once it has said, since its last start, that it works. */
  get up(): boolean {
    return this.url !== undefined;
  }

  /** The exit status or the signal of its last end. */
  get outcome(): string {
    return this.child?.signalCode ?? `exit status ${this.child?.exitCode}`;
  }

  start(): void {
    const { dist, app, environment, onEnd } = this.options;
    const log = openSync(this.log, 'a');
    this.url = undefined;
    this.ordered = false;
    this.frozen = false;
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', join(dist, 'apps', app, 'src', 'main.js')],
      {
        cwd: dirname(dist),
        env: environment,
        stdio: ['ignore', log, log, 'ipc'],
        // Its own process group: a Ctrl-C at the terminal is for this process, which ends things in order.
        detached: true,
      },
    );
    closeSync(log);
    child.on('message', message => {
      this.url = (message as { url: string }).url;
    });
    child.on('exit', () => onEnd(this));
    this.child = child;
  }

  /** Ends it at once. */
  kill(): void {
    if (!this.running) return;
    this.ordered = true;
    // What is frozen can be killed, too.
    this.child?.kill('SIGKILL');
  }

  /** Stops its clock: to everyone else it looks dead, until it wakes up and goes on in the middle of its work. */
  freeze(): void {
    if (this.running) this.frozen = this.child?.kill('SIGSTOP') ?? false;
  }

  thaw(): void {
    if (this.frozen) this.child?.kill('SIGCONT');
    this.frozen = false;
  }

  /** Tells it to end, and waits for that. @returns whether it ended in order */
  async stop(): Promise<boolean> {
    if (!this.running) return true;
    this.ordered = true;
    this.thaw();
    this.child?.kill('SIGTERM');
    const late = setTimeout(() => this.child?.kill('SIGKILL'), GRACE);
    await this.ended();
    clearTimeout(late);
    return this.child?.exitCode === 0;
  }

  async ended(): Promise<void> {
    if (this.child && this.running) await once(this.child, 'exit');
  }

  /** @throws Error when its `/readyz` does not say yes */
  async assertReady(): Promise<void> {
    if (!this.url) throw new Error(`${this.name} has not started: ${this.lastWords()}`);
    const answer = await fetch(`${this.url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    if (!answer.ok) throw new Error(`${this.name} is not ready: ${await answer.text()}`);
    await answer.body?.cancel();
  }

  /** The end of its log. */
  lastWords(): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-5).join(' | ');
  }
}

/** Starts a service again a little later, unless it is not wanted any more. */
export async function restart(service: Service, after: number): Promise<void> {
  await delay(after);
  if (!service.retired && !service.running) service.start();
}
