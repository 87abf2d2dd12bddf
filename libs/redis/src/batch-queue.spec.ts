import { setImmediate as turn } from 'node:timers/promises';
import { BatchQueue } from './batch-queue.js';

describe('a batch queue', () => {
  let batches: string[][];
  let running: PromiseWithResolvers<void>[];

  const run = (items: string[]) => {
    batches.push([...items]);
    const batch = Promise.withResolvers<void>();
    running.push(batch);
    return batch.promise;
  };
  const turns = async () => {
    for (let i = 0; i < 3; i++) await turn();
  };

  beforeEach(() => {
    batches = [];
    running = [];
  });

  it('runs the items of one turn together, and those of a running batch after it', async () => {
    const queue = new BatchQueue(run);
    queue.add('a');
    queue.add('b');
    await turns();
    queue.add('c');
    queue.add('d');
    await turns();
    expect(batches).toEqual([['a', 'b']]);
    running[0]?.resolve();
    await turns();
    expect(batches).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  it('runs at most so many items at a time, in order', async () => {
    const queue = new BatchQueue(run, { size: 2 });
    for (const item of ['a', 'b', 'c']) queue.add(item);
    expect(queue.last).toBe('c');
    await turns();
    expect(batches).toEqual([['a', 'b']]);
    expect(queue.last).toBe('c');
    running[0]?.resolve();
    await turns();
    expect(batches).toEqual([['a', 'b'], ['c']]);
    expect(queue.last).toBeUndefined();
  });

  it('asks its schedule once for each batch', async () => {
    const due: (() => void)[] = [];
    const queue = new BatchQueue(run, { schedule: start => due.push(start) });
    queue.add('a');
    queue.add('b');
    expect(due).toHaveLength(1);
    due[0]?.();
    queue.add('c');
    expect(due).toHaveLength(1);
    running[0]?.resolve();
    await turns();
    expect(due).toHaveLength(2);
  });
});
