import { LastOutput } from './last-output.js';

describe('the last output of a process', () => {
  it('is the error message, not the stack below it', () => {
    const words = new LastOutput();
    words.add('starting\nError: no such table\n    at load (file.js:1:1)\n');
    words.add('    at main (file.js:2:2)\n\nNode.js v24\n');
    expect(words.describeExit('exit status 1')).toBe('exit status 1: Error: no such table');
  });

  it('can arrive in pieces and without a newline at the end', () => {
    const words = new LastOutput();
    words.add('quest');
    words.add('log: PORT must');
    expect(words.describeExit('exit status 1')).toBe('exit status 1: questlog: PORT must');
  });

  it('does not include old lines', () => {
    let now = 0;
    const words = new LastOutput(() => now);
    words.add('Error: of this morning\n');
    now = 60_000;
    expect(words.describeExit('SIGKILL')).toBe('SIGKILL');
  });

  it('is the last line when there is no error message, truncated when it is long', () => {
    const words = new LastOutput();
    words.add(`one\n${'x'.repeat(10_000)}\n`);
    expect(words.describeExit('SIGABRT')).toBe(`SIGABRT: ${'x'.repeat(300)}`);
  });
});
