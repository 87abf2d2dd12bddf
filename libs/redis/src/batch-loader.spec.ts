import { BatchLoader } from './batch-loader.js';
import { createClient } from './clients/client.js';

describe('questions that go together', () => {
  let calls: (readonly string[])[];
  const answering = new BatchLoader<string, string>(
    createClient('redis://nowhere', 'test'),
    async items => {
      calls.push(items);
      if (items.includes('bad')) throw new Error('refused');
      return items.map(item => item.toUpperCase());
    },
    { items: 3 },
  );

  beforeEach(() => {
    calls = [];
  });

  it('are one call in one turn of the event loop, and each has its own answer', async () => {
    expect(await Promise.all(['a', 'b'].map(item => answering.load(item, 'key')))).toEqual(['A', 'B']);
    expect(calls).toEqual([['a', 'b']]);
  });

  it('of another group, or too many, go by themselves', async () => {
    const asked = ['a', 'b', 'c', 'd'].map(item => answering.load(item, 'key'));
    expect(await Promise.all([...asked, answering.load('e', 'key', 'other')])).toEqual([
      'A',
      'B',
      'C',
      'D',
      'E',
    ]);
    expect(calls).toEqual([['a', 'b', 'c'], ['d'], ['e']]);
  });

  it('that are too much for one call go with the next', async () => {
    const weighing = new BatchLoader<string, string>(
      createClient('redis://nowhere', 'test'),
      async items => {
        calls.push(items);
        return items;
      },
      { weigh: item => item.length, weight: 4 },
    );
    const asked = ['aa', 'bb', 'c', 'ddddddd', 'e'].map(item => weighing.load(item, 'key'));
    expect(await Promise.all(asked)).toEqual(['aa', 'bb', 'c', 'ddddddd', 'e']);
    expect(calls).toEqual([['aa', 'bb'], ['c'], ['ddddddd'], ['e']]);
  });

  it('of the next turn are the next call', async () => {
    await answering.load('a', 'key');
    await answering.load('b', 'key');
    expect(calls).toEqual([['a'], ['b']]);
  });

  it('fail together, and only those', async () => {
    const [good, bad, other] = await Promise.allSettled([
      answering.load('a', 'key'),
      answering.load('bad', 'key'),
      answering.load('b', 'key', 'other'),
    ]);
    expect([good.status, bad.status, other.status]).toEqual(['rejected', 'rejected', 'fulfilled']);
  });
});
