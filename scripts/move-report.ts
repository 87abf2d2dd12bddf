import type { Counts, MoveListener, MoveResult } from '#libs/maintenance';
import { ProgressLine } from './progress-line.js';

/** Milliseconds between two words of how far it is. */
const PERIOD = 200;

/** Says how far a move of the log is, on standard error: for people at a terminal, JSON lines elsewhere. */
export class MoveReport implements MoveListener {
  private phase = '';
  private line: ProgressLine | undefined;
  private began = 0;
  private from = 0;
  private last = 0;
  private next = 0;

  constructor(private readonly out: NodeJS.WriteStream = process.stderr) {}

  onProgress(phase: string, processed: number, total: number): void {
    const now = performance.now();
    if (now < this.next || total === 0) return;
    this.next = now + PERIOD;
    // A phase can come again, and each projection is built by itself.
    if (phase !== this.phase || processed < this.last) {
      this.endLine();
      [this.phase, this.began, this.from] = [phase, now, processed];
      this.line = new ProgressLine(phase, this.out);
    }
    this.last = processed;
    const seconds = (now - this.began) / 1_000;
    const eventsPerSecond = seconds > 0 ? Math.round((processed - this.from) / seconds) : 0;
    this.line?.show({ id: 'repartition', state: phase, processed, total, eventsPerSecond });
  }

  say(message: string): void {
    this.endLine();
    this.out.write(this.out.isTTY ? `${message}\n` : `${JSON.stringify({ id: 'repartition', message })}\n`);
  }

  /** @param result nothing when the log was cut so already */
  end({ scores, players }: Counts, result?: MoveResult): void {
    const cut = `${scores} partitions of scores, ${players} of players`;
    if (!result) {
      this.say(`the log has ${cut}: there is nothing to move`);
      return;
    }
    const { events, seconds, pause } = result;
    const rate = Math.round(events / seconds).toLocaleString('en');
    this.say(
      `moved: ${cut}; ${events.toLocaleString('en')} events in ${seconds.toFixed(1)} s (${rate}/s), a pause of ${pause} ms`,
    );
    this.say(
      `where SCORES_PARTITIONS or PLAYERS_PARTITIONS are set, set ${scores} and ${players}, or unset them: with others, processes will not start again`,
    );
  }

  private endLine(): void {
    this.line?.end();
    this.line = undefined;
    this.phase = '';
  }
}
