import { GroupBelowFloorError } from '#libs/event-log';
import { eventually } from '#libs/testing';
import { GROUP, scoresOf, useStreamsServers } from './test-streams-servers.js';

/** A log whose first events are only in the archive. */
describe('a consumer group of a log with archived events', () => {
  const current = useStreamsServers();
  const { keys, start, stream, submit } = current;
  const groups = () => current.test.redis.xinfo('GROUPS', stream()) as Promise<unknown[]>;
  /** @param left the number of entries that the stream keeps */
  const archive = async (left: number) => {
    const { redis } = current.test;
    const ids = (await redis.xrange(stream(), '-', '+')).map(([id]) => id);
    const floor = ids.at(-left - 1) ?? '';
    await redis.hset(keys().archive(), { floor, trimmed: ids.length - left, manifest: 'm' });
    await redis.xtrim(stream(), 'MAXLEN', left);
    return floor;
  };

  it.each([0, 1])('is not created anew, because it would skip them (%i events in the stream)', async left => {
    await submit([1, 2, 3]);
    const floor = await archive(left);
    const seen: number[] = [];
    const server = start(events => void seen.push(...scoresOf(events)));
    const failure = () => {
      try {
        server.assertReading();
      } catch (error) {
        return String(error);
      }
      return '';
    };
    await eventually(() => expect(failure()).toContain(`the events up to ${floor} are only in the archive`));
    expect(await groups()).toEqual([]);
    expect(seen).toEqual([]);
  });

  it('goes on after the floor', async () => {
    await current.test.redis.xgroup('CREATE', stream(), GROUP, '0', 'MKSTREAM');
    const seen: number[] = [];
    start(events => void seen.push(...scoresOf(events)));
    await submit([1, 2, 3]);
    await eventually(() => expect(seen).toEqual([1, 2, 3]));
    await archive(1);
    await submit([4]);
    await eventually(() => expect(seen).toEqual([1, 2, 3, 4]));
  });

  it.each([0, 1])(
    'starts behind the last event when it was deleted after it had applied events (%i in the stream)',
    async left => {
      await submit([1, 2, 3]);
      const floor = await archive(left);
      await current.test.redis.hset(keys().ledger(), `group:${GROUP}`, floor);
      const seen: number[] = [];
      start(events => void seen.push(...scoresOf(events)));
      await eventually(async () => expect(await groups()).toHaveLength(1));
      await submit([4]);
      await eventually(() => expect(seen).toEqual([4]));
      expect(await current.test.redis.hget(keys().ledger(), `reset:${GROUP}`)).toMatch(/^\d+-\d+$/);
    },
  );

  it('has an error with a code', () => {
    expect(new GroupBelowFloorError('g 5-0')).toMatchObject({
      code: 'GROUP_BELOW_FLOOR',
      message: expect.stringContaining('g was not created, because the events up to 5-0'),
    });
  });
});
