import { openTestLog, type TestLog } from '#libs/testing';
import type { Position } from './cursor.js';
import { type NamedSource, newestFirst, streamEntries } from './newest-first.js';

describe('newestFirst', () => {
  let test: TestLog;
  let sources: NamedSource[];
  const keyOf = (name: string) => `${test.prefix}:{x}:${name}`;

  beforeEach(async () => {
    test = await openTestLog();
    sources = ['a', 'b', 'c'].map(name => ({ name, entries: streamEntries(test.redis, keyOf(name)) }));
  });
  afterEach(() => test.close());

  const add = (source: number, id: string, value = '') =>
    test.redis.xadd(keyOf(sources[source]?.name ?? ''), id, 'field', value);
  const read = async (after?: Position) => {
    const read: string[] = [];
    for await (const { source, id } of newestFirst(sources, after)) read.push(`${source.name} ${id}`);
    return read;
  };

  it('orders entries by their ids as numbers, and equal ids by source', async () => {
    for (const id of ['1-9', '1-10', '10-0']) await add(0, id);
    for (const id of ['1-9', '2-0', '10-0']) await add(1, id);
    expect(await read()).toEqual(['a 10-0', 'b 10-0', 'b 2-0', 'a 1-10', 'a 1-9', 'b 1-9']);
  });

  it('continues after any entry, without gaps or repetitions', async () => {
    for (const id of ['1-0', '2-0', '4-0']) await add(0, id);
    for (const id of ['2-0', '3-0', '4-0']) await add(1, id);
    await add(2, '2-0');
    const all = await read();
    expect(all).toHaveLength(7);
    let seen = 0;
    for await (const { position } of newestFirst(sources)) {
      seen += 1;
      expect(await read(position)).toEqual(all.slice(seen));
    }
  });

  it('is complete over many chunks of entries of very different sizes', async () => {
    const entries = Array.from({ length: 3_000 }, (_, i) => ({
      source: i % 3 === 0 ? 1 : 0,
      id: `${i + 1}-0`,
      value: 'x'.repeat(i % 100 === 0 ? 30_000 : 10),
    }));
    await Promise.all(entries.map(({ source, id, value }) => add(source, id, value)));
    const expected = entries.map(({ source, id }) => `${source === 0 ? 'a' : 'b'} ${id}`).reverse();
    expect(await read()).toEqual(expected);
  });

  it('yields nothing if there are no entries', async () => {
    expect(await read()).toEqual([]);
  });

  it('yields entries with ids that no event can have', async () => {
    await add(0, '5-18446744073709551615');
    await add(0, '6-0');
    expect(await read()).toEqual(['a 6-0', 'a 5-18446744073709551615']);
  });
});
