import { LastWords } from './last-words.js';

describe('last words', () => {
  it('are the line that tells the reason, not the stack below it', () => {
    const words = new LastWords();
    words.hear('starting\nError: no such table\n    at load (file.js:1:1)\n');
    words.hear('    at main (file.js:2:2)\n\nNode.js v24\n');
    expect(words.after('exit status 1')).toBe('exit status 1: Error: no such table');
  });

  it('can come in pieces, and without an end of the line', () => {
    const words = new LastWords();
    words.hear('quest');
    words.hear('log: PORT must');
    expect(words.after('exit status 1')).toBe('exit status 1: questlog: PORT must');
  });

  it('are not those of long before', () => {
    let now = 0;
    const words = new LastWords(() => now);
    words.hear('Error: of this morning\n');
    now = 60_000;
    expect(words.after('SIGKILL')).toBe('SIGKILL');
  });

  it('are the latest line where none tells a reason, and cut where it is long', () => {
    const words = new LastWords();
    words.hear(`one\n${'x'.repeat(10_000)}\n`);
    expect(words.after('SIGABRT')).toBe(`SIGABRT: ${'x'.repeat(300)}`);
  });
});
