import { setTimeout as delay } from 'node:timers/promises';

/** Looks for work and does it, again and again, until it is stopped. A failed attempt does not end it. */
export class PollLoop {
  private readonly ending = new AbortController();
  private running: Promise<void> | undefined;
  private lastFault = '';

  /**
   * @param work one look, and the work that it finds
   * @param intervalMs the pause before the next look
   * @param report called when the work fails, once per reason
   */
  constructor(
    private readonly work: () => Promise<unknown>,
    private readonly intervalMs: (failures: number) => number,
    private readonly report: (error: Error) => void,
  ) {}

  get isStarted(): boolean {
    return this.running !== undefined;
  }

  get isStopping(): boolean {
    return this.ending.signal.aborted;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Ends the pause, and waits for the work that is running. */
  async stop(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.ending;
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.work();
        failures = 0;
        this.lastFault = '';
      } catch (error) {
        failures += 1;
        this.reportOnce(error as Error);
      }
      // Aborting the pause is not an error.
      await delay(this.intervalMs(failures), undefined, { signal }).catch(() => {});
    }
  }

  private reportOnce(error: Error): void {
    if (error.message !== this.lastFault) this.report(error);
    this.lastFault = error.message;
  }
}
