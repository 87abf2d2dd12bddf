import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A baseline that runs as a child process. Its first IPC message says that it is ready, or has its result. */
export class ChildProgram {
  private constructor(
    private readonly child: ChildProcess,
    /** The first message. */
    readonly message: unknown,
  ) {}

  /**
   * @param name a file in `baselines/`, without the extension
   * @throws Error when it exits before it sends a message
   */
  static async start(name: string, args: readonly string[]): Promise<ChildProgram> {
    // This path works from `dist/chunks`, where the build puts this file, and from its own folder.
    const main = fileURLToPath(new URL(`../benchmarks/baselines/${name}.js`, import.meta.url));
    const child = spawn(process.execPath, ['--enable-source-maps', main, ...args], {
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the baseline ${name} exited during startup: ${signal ?? `exit status ${code}`}`);
    });
    const [message] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return new ChildProgram(child, message);
  }

  /** The URL it listens on, if it is a server. */
  get url(): string {
    return String((this.message as { url?: unknown }).url);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
