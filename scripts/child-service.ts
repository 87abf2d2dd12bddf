import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LastOutput } from './last-output.js';

/** How long a service may take to stop before it is killed. */
const STOP_TIMEOUT_MS = 20_000;
/** How often `/readyz` is polled, and the timeout of one request. */
const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 2_000;
/** How often a message is printed while a service is not ready. */
const WAIT_MESSAGE_MS = 10_000;

/** IPC message of a service: the URL it listens on, or the error that ends it. */
interface Message {
  readonly url?: string;
  readonly fatal?: string;
}

/** A service exited before it was ready. The message has the reason. */
export class ServiceStartError extends Error {
  readonly code = 'SERVICE_START';
  override readonly name = 'ServiceStartError';
}

/** A service that runs as a child process. It exits when this process dies, because its IPC channel closes. */
export class ChildService {
  private child: ChildProcess | undefined;
  private exit: Promise<string> | undefined;
  private url: string | undefined;
  private message: object | undefined;

  constructor(
    readonly name: string,
    private readonly environment: NodeJS.ProcessEnv,
    /** The file descriptor that receives its standard output. */
    private readonly output = 1,
  ) {}

  start(): void {
    const main = fileURLToPath(new URL(`../apps/${this.name}/src/main.js`, import.meta.url));
    this.url = undefined;
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      env: this.environment,
      stdio: ['ignore', this.output, 'pipe', 'ipc'],
      // Its own process group, so that Ctrl-C reaches only this process, which stops the services in order.
      detached: true,
    });
    this.child = child;
    const lastOutput = new LastOutput();
    child.stderr?.on('data', (chunk: Buffer) => {
      lastOutput.add(chunk.toString());
      process.stderr.write(chunk);
    });
    child.on('message', ({ url, fatal }: Message) => {
      if (fatal !== undefined) lastOutput.add(`${fatal}\n`);
      if (url === undefined) return;
      this.url = url;
      this.send();
    });
    this.exit = new Promise(resolve => {
      // A process that could not be spawned emits no exit event.
      child.once('error', ({ message }) => resolve(message));
      child.once('close', (status, signal) =>
        resolve(lastOutput.describeExit(signal ?? `exit status ${status}`)),
      );
    });
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  get isRunning(): boolean {
    const { child } = this;
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves when the process has exited. @returns the signal or exit status, and its last error message */
  async waitForExit(): Promise<string> {
    return (await this.exit) ?? 'not started';
  }

  /**
   * Resolves when `/readyz` answers with 2xx.
   *
   * @param onProgress called with a message every ten seconds while the service is not ready
   * @throws ServiceStartError when the service exits before it is ready
   */
  async waitUntilReady(onProgress?: (line: string) => void): Promise<void> {
    for (let next = performance.now() + WAIT_MESSAGE_MS; ; ) {
      if (!this.isRunning)
        throw new ServiceStartError(
          `${this.name} exited during startup (${await this.waitForExit()}): see the lines above`,
        );
      const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
      const answer = this.url
        ? await fetch(`${this.url}/readyz`, { signal }).catch(() => undefined)
        : undefined;
      if (answer?.ok) return;
      const checks = await answer?.text().catch(() => undefined);
      if (performance.now() >= next) {
        next += WAIT_MESSAGE_MS;
        onProgress?.(`waiting for ${this.name}${checks === undefined ? '' : `, whose /readyz is ${checks}`}`);
      }
      await delay(READY_POLL_MS);
    }
  }

  /** Sends a message now and again after each restart. It replaces the previous message. */
  setMessage(message: object): void {
    this.message = message;
    this.send();
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (!child || !this.isRunning) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    // A stopped process handles SIGTERM only after it continues.
    child.kill('SIGCONT');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(killTimer);
  }

  /** Stops the process with SIGSTOP, or lets it continue. */
  setFrozen(frozen: boolean): void {
    this.child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  kill(): void {
    this.child?.kill('SIGKILL');
  }

  private send(): void {
    // The callback ignores errors: `waitForExit` reports the end of the process.
    if (this.message && this.url && this.child?.connected) this.child.send(this.message, () => {});
  }
}
