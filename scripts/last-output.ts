/** Only output from the last moments before the exit is considered. */
const MAX_AGE_MS = 5_000;
const MAX_LINES = 50;
const MAX_CHARACTERS = 300;

/** Distinguishes the error message from other lines, such as those of a stack. */
const ERROR_WORDS = /error|fatal|questlog:|cannot|can't|failed/i;

/** Collects the output of a process, and finds the error message that explains its exit. */
export class LastOutput {
  private readonly lines: { readonly text: string; readonly at: number }[] = [];
  private partialLine = '';

  constructor(private readonly now: () => number = () => performance.now()) {}

  add(text: string): void {
    const lines = (this.partialLine + text).split('\n');
    this.partialLine = (lines.pop() ?? '').slice(-MAX_CHARACTERS);
    for (const line of lines) if (line.trim() !== '') this.lines.push({ text: line.trim(), at: this.now() });
    this.lines.splice(0, this.lines.length - MAX_LINES);
  }

  /** @param how the process exited, such as "exit status 1". @returns the same, followed by the last error message if any */
  describeExit(how: string): string {
    const recent = this.lines.filter(({ at }) => this.now() - at < MAX_AGE_MS).map(({ text }) => text);
    if (this.partialLine.trim() !== '') recent.push(this.partialLine.trim());
    const message =
      recent.findLast(text => ERROR_WORDS.test(text) && !text.startsWith('at ')) ?? recent.at(-1);
    return message === undefined ? how : `${how}: ${message.slice(0, MAX_CHARACTERS)}`;
  }
}
