import { SingleFlight } from './single-flight.js';

describe('single flight', () => {
  /** Finds that end when they are told to, each with its number. */
  class Finds {
    private readonly ends: ((fail?: Error) => void)[] = [];

    readonly find = () =>
      new Promise<number>((resolve, reject) => {
        const number = this.ends.length + 1;
        this.ends.push(fail => (fail ? reject(fail) : resolve(number)));
      });

    get begun(): number {
      return this.ends.length;
    }

    end(number: number, fail?: Error): void {
      this.ends[number - 1]?.(fail);
    }
  }

  it('never returns an answer older than the call: late callers share the next one', async () => {
    const [answers, finds] = [new SingleFlight<number>(), new Finds()];
    const first = answers.ask('top', finds.find);
    const late = [answers.ask('top', finds.find), answers.ask('top', finds.find)];
    expect(finds.begun).toBe(1);
    finds.end(1);
    expect(await first).toBe(1);
    await new Promise(setImmediate);
    expect(finds.begun).toBe(2);
    const later = answers.ask('top', finds.find);
    finds.end(2);
    expect(await Promise.all(late)).toEqual([2, 2]);
    await new Promise(setImmediate);
    finds.end(3);
    expect(await later).toBe(3);
  });

  it('reads again when nobody is waiting', async () => {
    const [answers, finds] = [new SingleFlight<number>(), new Finds()];
    for (const number of [1, 2]) {
      const asked = answers.ask('top', finds.find);
      finds.end(number);
      expect(await asked).toBe(number);
    }
  });

  it('keeps keys apart, and does not pass a failure on to the next callers', async () => {
    const [answers, finds] = [new SingleFlight<number>(), new Finds()];
    const failing = answers.ask('top', finds.find);
    const other = answers.ask('rank', finds.find);
    const next = answers.ask('top', finds.find);
    finds.end(1, new Error('gone'));
    finds.end(2);
    await expect(failing).rejects.toThrow('gone');
    expect(await other).toBe(2);
    await new Promise(setImmediate);
    finds.end(3);
    expect(await next).toBe(3);
  });
});
