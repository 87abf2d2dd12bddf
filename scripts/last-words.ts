/** Milliseconds before the end of a process in which it says what it ends of. */
const RECENT_MS = 5_000;
const MAX_LINES = 50;
const MAX_CHARACTERS = 300;

/** Tells the reason among other things, such as the lines of a stack. */
const TELLING = /error|fatal|questlog:|cannot|can't|failed/i;

/** What a process said at last. */
export class LastWords {
  private readonly lines: { readonly text: string; readonly at: number }[] = [];
  private rest = '';

  constructor(private readonly now: () => number = () => performance.now()) {}

  hear(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = (lines.pop() ?? '').slice(-MAX_CHARACTERS);
    for (const line of lines) if (line.trim() !== '') this.lines.push({ text: line.trim(), at: this.now() });
    this.lines.splice(0, this.lines.length - MAX_LINES);
  }

  /** @param how it ended: "exit status 1". @returns the same, with what it said about it */
  after(how: string): string {
    const recent = this.lines.filter(({ at }) => this.now() - at < RECENT_MS).map(({ text }) => text);
    if (this.rest.trim() !== '') recent.push(this.rest.trim());
    const words = recent.findLast(text => TELLING.test(text) && !text.startsWith('at ')) ?? recent.at(-1);
    return words === undefined ? how : `${how}: ${words.slice(0, MAX_CHARACTERS)}`;
  }
}
