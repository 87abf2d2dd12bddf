import { PartitionKeys } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { PartitionWriter } from './partition-writer.js';

describe('ids in a partition that events of several come to', () => {
  const open = () => new PartitionWriter({} as RedisClient, new PartitionKeys('ql', 'scores', 0));
  const id = (ms: number, seq: number) => ({ ms, seq });

  it('stay what they are, where they can', () => {
    const writer = open();
    for (const given of [id(5, 0), id(5, 3), id(6, 0)]) expect(writer.add(given, [])).toEqual(given);
  });

  it('count on within their millisecond where another event has the same, which keeps their order', () => {
    const writer = open();
    const given = [id(5, 0), id(5, 0), id(5, 0), id(5, 1), id(5, 4), id(6, 0)].map(each =>
      writer.add(each, []),
    );
    expect(given).toEqual([id(5, 0), id(5, 1), id(5, 2), id(5, 3), id(5, 4), id(6, 0)]);
    expect(writer.count).toBe(6);
  });

  it('never change their time: then nothing is moved', () => {
    const writer = open();
    writer.add(id(6, 0), []);
    expect(() => writer.add(id(5, 9), [])).toThrow('the clock of a Redis was set back');
  });
});
