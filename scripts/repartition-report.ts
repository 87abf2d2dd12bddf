import type { Counts, MoveListener, MoveResult } from '#libs/maintenance';
import { ProgressLine } from './progress-line.js';

/** Minimum time between two progress updates. */
const UPDATE_INTERVAL_MS = 200;

/** Prints the progress of a repartition to standard error: text at a terminal, JSON lines elsewhere. */
export class RepartitionReport implements MoveListener {
  private phase = '';
  private line: ProgressLine | undefined;
  private phaseStartedAt = 0;
  private phaseStartEvents = 0;
  private lastProcessed = 0;
  private nextUpdateAt = 0;

  constructor(private readonly out: NodeJS.WriteStream = process.stderr) {}

  onProgress(phase: string, processed: number, total: number): void {
    const now = performance.now();
    if (now < this.nextUpdateAt || total === 0) return;
    this.nextUpdateAt = now + UPDATE_INTERVAL_MS;
    // A phase can repeat, and the build phase starts again for each projection.
    if (phase !== this.phase || processed < this.lastProcessed) {
      this.endLine();
      [this.phase, this.phaseStartedAt, this.phaseStartEvents] = [phase, now, processed];
      this.line = new ProgressLine(phase, this.out);
    }
    this.lastProcessed = processed;
    const seconds = (now - this.phaseStartedAt) / 1_000;
    const eventsPerSecond = seconds > 0 ? Math.round((processed - this.phaseStartEvents) / seconds) : 0;
    this.line?.show({ id: 'repartition', state: phase, processed, total, eventsPerSecond });
  }

  say(message: string): void {
    this.endLine();
    this.out.write(this.out.isTTY ? `${message}\n` : `${JSON.stringify({ id: 'repartition', message })}\n`);
  }

  /** @param result undefined when the log already has these partitions */
  printResult({ scores, players }: Counts, result?: MoveResult): void {
    const partitions = `${scores} partitions of scores, ${players} of players`;
    if (!result) {
      this.say(`the log already has ${partitions}: there is nothing to move`);
      return;
    }
    const { events, seconds, pause } = result;
    const rate = Math.round(events / seconds).toLocaleString('en');
    this.say(
      `moved the log to ${partitions}: ${events.toLocaleString('en')} events in ${seconds.toFixed(1)} s (${rate}/s), a pause of ${pause} ms`,
    );
    this.say(
      `if SCORES_PARTITIONS or PLAYERS_PARTITIONS are set anywhere, change them to ${scores} and ${players} or unset them: with other values, processes will not start again`,
    );
  }

  private endLine(): void {
    this.line?.end();
    this.line = undefined;
    this.phase = '';
  }
}
