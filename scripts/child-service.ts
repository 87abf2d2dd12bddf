import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LastWords } from './last-words.js';

/** Milliseconds that a service has to end in order. */
const GRACE_MS = 20_000;
/** Milliseconds between two looks whether it is ready, and for which it may not answer. */
const LOOK_MS = 50;
const ANSWER_MS = 2_000;
/** Milliseconds between two lines about a service that is not ready yet. */
const WAIT_MS = 10_000;

/** What a service tells this process: where it listens, or what it dies of. */
interface Message {
  readonly url?: string;
  readonly fatal?: string;
}

/** A service has ended instead of becoming ready. It has said why, as the message does. */
export class ServiceStartError extends Error {
  readonly code = 'SERVICE_START';
  override readonly name = 'ServiceStartError';
}

/** One of the services as a child process. It ends by itself when this process dies: its IPC channel closes. */
export class ChildService {
  private child: ChildProcess | undefined;
  private end: Promise<string> | undefined;
  private url: string | undefined;
  private told: object | undefined;

  constructor(
    readonly name: string,
    private readonly environment: NodeJS.ProcessEnv,
    /** What it prints goes there: a file descriptor of this process. */
    private readonly output = 1,
  ) {}

  start(): void {
    const main = fileURLToPath(new URL(`../apps/${this.name}/src/main.js`, import.meta.url));
    this.url = undefined;
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      env: this.environment,
      stdio: ['ignore', this.output, 'pipe', 'ipc'],
      // Its own process group: a Ctrl-C at the terminal is for this process, which ends things in order.
      detached: true,
    });
    this.child = child;
    const words = new LastWords();
    child.stderr?.on('data', (chunk: Buffer) => {
      words.hear(chunk.toString());
      process.stderr.write(chunk);
    });
    child.on('message', ({ url, fatal }: Message) => {
      if (fatal !== undefined) words.hear(`${fatal}\n`);
      if (url === undefined) return;
      this.url = url;
      this.send();
    });
    this.end = new Promise(resolve => {
      // A process that could not be made has no exit.
      child.once('error', ({ message }) => resolve(message));
      child.once('close', (status, signal) => resolve(words.after(signal ?? `exit status ${status}`)));
    });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get running(): boolean {
    const { child } = this;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** @returns the exit status or the signal, and what it said at last */
  async ended(): Promise<string> {
    return (await this.end) ?? 'not started';
  }

  /**
   * @param onWait told now and then what it waits for
   * @throws ServiceStartError when the service ends instead of becoming ready
   */
  async ready(onWait?: (line: string) => void): Promise<void> {
    for (let next = performance.now() + WAIT_MS; ; ) {
      if (!this.running)
        throw new ServiceStartError(
          `${this.name} ended at its start (${await this.ended()}): the lines above say why`,
        );
      const signal = AbortSignal.timeout(ANSWER_MS);
      const answer = this.url
        ? await fetch(`${this.url}/readyz`, { signal }).catch(() => undefined)
        : undefined;
      if (answer?.ok) return;
      const checks = await answer?.text().catch(() => undefined);
      if (performance.now() >= next) {
        next += WAIT_MS;
        onWait?.(`waiting for ${this.name}${checks === undefined ? '' : `, whose /readyz is ${checks}`}`);
      }
      await delay(LOOK_MS);
    }
  }

  /** Sends it a message, and again after each start. A later one takes its place. */
  tell(message: object): void {
    this.told = message;
    this.send();
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child || !this.running) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    // One that is frozen hears it, too.
    child.kill('SIGCONT');
    const late = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    await exited;
    clearTimeout(late);
  }

  /** Stops it in the middle of things, without its noticing, or lets it go on. */
  freeze(frozen: boolean): void {
    this.child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }

  private send(): void {
    // That it ends meanwhile is seen elsewhere.
    if (this.told && this.url && this.child?.connected) this.child.send(this.told, () => {});
  }
}
