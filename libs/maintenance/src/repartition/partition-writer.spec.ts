import { PartitionKeys } from '#libs/event-log';
import type { RedisClient } from '#libs/redis';
import { PartitionWriter } from './partition-writer.js';

describe('the ids in a partition that gets events from several', () => {
  const open = () => new PartitionWriter({} as RedisClient, new PartitionKeys('ql', 'scores', 0));
  const id = (ms: number, seq: number) => ({ ms, seq });

  it('stay the same where possible', () => {
    const writer = open();
    for (const given of [id(5, 0), id(5, 3), id(6, 0)]) expect(writer.add(given, [])).toEqual(given);
  });

  it('are increased within their millisecond if another event has the same id, which preserves the order', () => {
    const writer = open();
    const given = [id(5, 0), id(5, 0), id(5, 0), id(5, 1), id(5, 4), id(6, 0)].map(each =>
      writer.add(each, []),
    );
    expect(given).toEqual([id(5, 0), id(5, 1), id(5, 2), id(5, 3), id(5, 4), id(6, 0)]);
    expect(writer.count).toBe(6);
  });

  it('never change their time: the repartition fails instead', () => {
    const writer = open();
    writer.add(id(6, 0), []);
    expect(() => writer.add(id(5, 9), [])).toThrow('the clock of a Redis server was set back');
  });
});
