import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds before a part is started again: after its first end, and at most. */
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 30_000;
/** Milliseconds that a part has to run for its next end to count as the first again. */
const STEADY_MS = 60_000;

/** A process of the system. */
export interface Part {
  readonly name: string;
  /** Settles when the process has ended. @returns why */
  ended(): Promise<string>;
  /**
   * Starts it again; settles when it is able to work.
   *
   * @throws Error that says why it could not be started; there is no process then
   */
  restart(): Promise<void>;
}

export interface SupervisorOptions {
  readonly say: (line: string) => void;
  /** Told which parts are down now, and why, whenever that changes. */
  readonly onChange: (down: Readonly<Record<string, string>>) => void;
  /** Replaces clock and timer in tests. */
  readonly now?: () => number;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
}

/** Starts each part again that ends, for ever, each by itself: later and later while it keeps ending. */
export class Supervisor {
  private readonly down = new Map<string, string>();
  private isStopped = false;
  private readonly now: () => number;
  private readonly wait: (milliseconds: number) => Promise<unknown>;

  constructor(private readonly options: SupervisorOptions) {
    this.now = options.now ?? (() => performance.now());
    this.wait = options.wait ?? delay;
  }

  /** From now on, what ends stays so. */
  stop(): void {
    this.isStopped = true;
  }

  /** Settles when the supervisor has been stopped and the part has ended. */
  async keep(part: Part): Promise<void> {
    let ends = 0;
    let failures = 0;
    let runningSince = this.now();
    for (let why = await part.ended(); !this.isStopped; ) {
      if (this.now() - runningSince >= STEADY_MS) failures = 0;
      const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS);
      failures += 1;
      ends += 1;
      this.report(part.name, why, ends, backoff);
      await this.wait(backoff);
      if (this.isStopped) return;
      runningSince = this.now();
      why = await this.runAgain(part);
    }
  }

  /** @returns why it ended, or could not be started */
  private async runAgain(part: Part): Promise<string> {
    try {
      await part.restart();
    } catch (error) {
      return (error as Error).message;
    }
    if (!this.isStopped) {
      this.down.delete(part.name);
      this.changed();
      this.options.say(`${part.name} is back`);
    }
    return part.ended();
  }

  private report(name: string, why: string, ends: number, backoff: number): void {
    const seconds = backoff / 1_000;
    const times = ends === 1 ? 'once' : ends === 2 ? 'twice' : `${ends} times`;
    this.options.say(
      `${name} (${why}) ended unexpectedly: starting it again in ${seconds} s; it has ended ${times}`,
    );
    this.down.set(name, `it has ended ${times}, the last time with: ${why}; it is started again by itself`);
    this.changed();
  }

  private changed(): void {
    this.options.onChange(Object.fromEntries(this.down));
  }
}
