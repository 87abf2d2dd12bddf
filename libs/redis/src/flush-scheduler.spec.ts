import { setImmediate as turn } from 'node:timers/promises';
import { createClient } from './clients/client.js';
import { FlushScheduler } from './flush-scheduler.js';

describe('a pulse', () => {
  let pulse: FlushScheduler;
  let begun: string[];
  const open = new Map<string, PromiseWithResolvers<void>>();

  /** A task that has begun is under way until it is ended. */
  const join = (name: string) => {
    const { promise, ...end } = Promise.withResolvers<void>();
    open.set(name, { promise, ...end });
    pulse.schedule(() => {
      begun.push(name);
      return promise;
    });
  };
  const beat = async () => {
    for (let i = 0; i < 3; i++) await turn();
  };

  beforeEach(() => {
    pulse = new FlushScheduler(createClient('redis://nowhere', 'test'));
    begun = [];
  });

  it('begins at once what one turn of the event loop wants', async () => {
    join('a');
    join('b');
    await beat();
    expect(begun).toEqual(['a', 'b']);
  });

  it('begins the next when all of the last has ended, be it badly', async () => {
    join('a');
    join('b');
    await beat();
    join('c');
    open.get('a')?.resolve();
    await beat();
    expect(begun).toEqual(['a', 'b']);
    open.get('b')?.reject(new Error('refused'));
    await beat();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('is not held up by what nobody need wait for', async () => {
    pulse.schedule(() => void begun.push('a'));
    await beat();
    join('b');
    await beat();
    expect(begun).toEqual(['a', 'b']);
  });

  it('goes on after a task that throws, and begins those that came with it', async () => {
    pulse.schedule(() => {
      throw new Error('a bug');
    });
    join('a');
    open.get('a')?.resolve();
    await beat();
    join('b');
    await beat();
    expect(begun).toEqual(['a', 'b']);
  });
});
