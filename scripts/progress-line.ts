/** Characters of the bar. */
const WIDTH = 30;

/** How far something is. */
export interface Progress {
  readonly id: string;
  readonly state: string;
  readonly processed: number;
  readonly total: number;
  readonly eventsPerSecond: number;
}

/** How far a job is: one line that is written over at a terminal, JSON lines elsewhere. On standard error. */
export class ProgressLine {
  private last = '';

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
    if (line === this.last) return;
    this.last = line;
    this.out.write(this.out.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write('\n');
  }

  private bar(processed: number, total: number, rate: number, eta: number | null): string {
    const part = total > 0 ? Math.min(1, processed / total) : 0;
    const done = Math.round(part * WIDTH);
    const bar = '█'.repeat(done) + '░'.repeat(WIDTH - done);
    const count = `${processed.toLocaleString('en')} of ${total.toLocaleString('en')} events`;
    return `${this.title} ${bar} ${count}, ${rate.toLocaleString('en')}/s${eta ? `, ${eta} s left` : ''}`;
  }
}
