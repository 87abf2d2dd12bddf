import { setTimeout as delay } from 'node:timers/promises';

/** Delay before a restart: after the first exit, and the maximum. */
const MIN_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;
/** The delay starts at the minimum again after a part has been running for this long. */
const BACKOFF_RESET_MS = 60_000;

/** A supervised process. */
export interface Part {
  readonly name: string;
  /** Resolves when the process has exited. @returns the reason */
  waitForExit(): Promise<string>;
  /**
   * Starts the process again. Resolves when it is ready.
   *
   * @throws Error with the reason when it could not be started; no process is running then
   */
  restart(): Promise<void>;
}

export interface SupervisorOptions {
  readonly log: (line: string) => void;
  /** Called whenever a part goes down or comes back, with the reason for each part that is down. */
  readonly onChange: (down: Readonly<Record<string, string>>) => void;
  /** Clock and timer in milliseconds, replaced in tests. */
  readonly now?: () => number;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

/** Restarts parts that exit, forever and independently of each other, with exponential back-off. */
export class Supervisor {
  private readonly downReasons = new Map<string, string>();
  private isStopped = false;
  private readonly now: () => number;
  private readonly wait: (milliseconds: number) => Promise<unknown>;

  constructor(private readonly options: SupervisorOptions) {
    this.now = options.now ?? (() => performance.now());
    this.wait = options.wait ?? delay;
  }

  /** From now on, nothing is restarted. */
  stop(): void {
    this.isStopped = true;
  }

  /** Restarts the part whenever it exits. Resolves when the supervisor is stopped and the part has exited. */
  async supervise(part: Part): Promise<void> {
    let ends = 0;
    let failures = 0;
    let runningSince = this.now();
    for (let why = await part.waitForExit(); !this.isStopped; ) {
      if (this.now() - runningSince >= BACKOFF_RESET_MS) failures = 0;
      const backoff = Math.min(MIN_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS);
      failures += 1;
      ends += 1;
      this.report(part.name, why, ends, backoff);
      await this.wait(backoff);
      if (this.isStopped) return;
      runningSince = this.now();
      why = await this.restartPart(part);
    }
  }

  /** @returns why the part exited or could not be started */
  private async restartPart(part: Part): Promise<string> {
    try {
      await part.restart();
    } catch (error) {
      return (error as Error).message;
    }
    if (!this.isStopped) {
      this.downReasons.delete(part.name);
      this.notifyChange();
      this.options.log(`${part.name} is back`);
    }
    return part.waitForExit();
  }

  private report(name: string, why: string, ends: number, backoff: number): void {
    const seconds = backoff / 1_000;
    const times = ends === 1 ? 'once' : ends === 2 ? 'twice' : `${ends} times`;
    this.options.log(
      `${name} (${why}) ended unexpectedly: starting it again in ${seconds} s; it has ended ${times}`,
    );
    this.downReasons.set(
      name,
      `it has ended ${times}, the last time with: ${why}; it is restarted automatically`,
    );
    this.notifyChange();
  }

  private notifyChange(): void {
    this.options.onChange(Object.fromEntries(this.downReasons));
  }
}
