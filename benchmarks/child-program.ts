import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A baseline as a child process. It says by a message that it is ready, or what it found. */
export class ChildProgram {
  private constructor(
    private readonly child: ChildProcess,
    /** What it said. */
    readonly message: unknown,
  ) {}

  /**
   * @param name of a file of `baselines/`
   * @throws Error when it ends instead of becoming ready
   */
  static async start(name: string, args: readonly string[]): Promise<ChildProgram> {
    // As seen from `dist/chunks`, where the build puts this file, and from its own folder alike.
    const main = fileURLToPath(new URL(`../benchmarks/baselines/${name}.js`, import.meta.url));
    const child = spawn(process.execPath, ['--enable-source-maps', main, ...args], {
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the baseline ${name} ended at its start: ${signal ?? `exit status ${code}`}`);
    });
    const [message] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return new ChildProgram(child, message);
  }

  /** Where it listens, if it is a server. */
  get url(): string {
    return String((this.message as { url?: unknown }).url);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
