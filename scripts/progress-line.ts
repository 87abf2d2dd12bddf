/** Width of the progress bar. */
const BAR_CHARACTERS = 30;

/** The progress of a job; `processed` and `total` are events. */
export interface Progress {
  readonly id: string;
  readonly state: string;
  readonly processed: number;
  readonly total: number;
  readonly eventsPerSecond: number;
}

/** Shows the progress of a job: one line that is overwritten at a terminal, JSON lines elsewhere. Default: standard error. */
export class ProgressLine {
  private lastLine = '';

  constructor(
    private readonly title: string,
    private readonly out: NodeJS.WriteStream = process.stderr,
  ) {}

  show({ id, state, processed, total, eventsPerSecond }: Progress): void {
    const left = total - processed;
    const etaSeconds = state === 'done' ? 0 : eventsPerSecond > 0 ? Math.ceil(left / eventsPerSecond) : null;
    const line = this.out.isTTY
      ? this.bar(processed, total, eventsPerSecond, etaSeconds)
      : JSON.stringify({ id, state, processed, total, eventsPerSecond, etaSeconds });
    if (line === this.lastLine) return;
    this.lastLine = line;
    this.out.write(this.out.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write('\n');
  }

  private bar(processed: number, total: number, rate: number, eta: number | null): string {
    const part = total > 0 ? Math.min(1, processed / total) : 0;
    const done = Math.round(part * BAR_CHARACTERS);
    const bar = '█'.repeat(done) + '░'.repeat(BAR_CHARACTERS - done);
    const count = `${processed.toLocaleString('en')} of ${total.toLocaleString('en')} events`;
    return `${this.title} ${bar} ${count}, ${rate.toLocaleString('en')}/s${eta ? `, ${eta} s left` : ''}`;
  }
}
