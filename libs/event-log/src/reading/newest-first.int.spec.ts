import { openTestLog, type TestLog } from '#libs/testing';
import type { Position } from './cursor.js';
import { type NamedStream, newestFirst } from './newest-first.js';

describe('several streams as one, newest first', () => {
  let test: TestLog;
  let sources: NamedStream[];

  beforeEach(async () => {
    test = await openTestLog();
    sources = ['a', 'b', 'c'].map(name => ({ name, stream: `${test.prefix}:{x}:${name}` }));
  });
  afterEach(() => test.close());

  const add = (source: number, id: string, value = '') =>
    test.redis.xadd(sources[source]?.stream ?? '', id, 'field', value);
  const read = async (after?: Position) => {
    const read: string[] = [];
    for await (const { source, id } of newestFirst(test.redis, sources, after))
      read.push(`${source.name} ${id}`);
    return read;
  };

  it('are ordered by their ids as numbers, and entries of one id by their streams', async () => {
    for (const id of ['1-9', '1-10', '10-0']) await add(0, id);
    for (const id of ['1-9', '2-0', '10-0']) await add(1, id);
    expect(await read()).toEqual(['a 10-0', 'b 10-0', 'b 2-0', 'a 1-10', 'a 1-9', 'b 1-9']);
  });

  it('can be continued behind each entry, without a gap and without a repetition', async () => {
    for (const id of ['1-0', '2-0', '4-0']) await add(0, id);
    for (const id of ['2-0', '3-0', '4-0']) await add(1, id);
    await add(2, '2-0');
    const all = await read();
    expect(all).toHaveLength(7);
    let seen = 0;
    for await (const { position } of newestFirst(test.redis, sources)) {
      seen += 1;
      expect(await read(position)).toEqual(all.slice(seen));
    }
  });

  it('are complete over many chunks of entries of very different sizes', async () => {
    const entries = Array.from({ length: 3_000 }, (_, i) => ({
      source: i % 3 === 0 ? 1 : 0,
      id: `${i + 1}-0`,
      value: 'x'.repeat(i % 100 === 0 ? 30_000 : 10),
    }));
    await Promise.all(entries.map(({ source, id, value }) => add(source, id, value)));
    const expected = entries.map(({ source, id }) => `${source === 0 ? 'a' : 'b'} ${id}`).reverse();
    expect(await read()).toEqual(expected);
  });

  it('are nothing when there are none', async () => {
    expect(await read()).toEqual([]);
  });

  it('give also an entry whose id no event can have', async () => {
    await add(0, '5-18446744073709551615');
    await add(0, '6-0');
    expect(await read()).toEqual(['a 6-0', 'a 5-18446744073709551615']);
  });
});
