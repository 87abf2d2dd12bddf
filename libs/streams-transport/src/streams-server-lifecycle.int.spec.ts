import { jest } from '@jest/globals';
import { eventually } from '#libs/testing';
import { HandlerError } from './streams-server.js';
import { scoresOf, useStreamsServers } from './test-streams-servers.js';

// Longer than the deadline of `eventually`, so that a failure shows what was expected.
jest.setTimeout(15_000);

describe('the streams server', () => {
  const current = useStreamsServers();
  const {
    keys,
    stream,
    submit,
    create,
    listen,
    start,
    untilReading,
    pendingIds,
    untilPending,
    consumers,
    readers,
    breakReaders,
  } = current;

  describe('continues', () => {
    it('after its stream was deleted', async () => {
      const seen: number[] = [];
      await submit([1]);
      start(events => void seen.push(...scoresOf(events)));
      await eventually(() => expect(seen).toEqual([1]));
      await current.test.redis.unlink(stream());
      await submit([2]);
      await eventually(() => expect(seen).toEqual([1, 2]), 2_000);
      await untilPending(0);
    });

    it('after its connection broke, and reports it meanwhile', async () => {
      const seen: number[] = [];
      const server = start(events => void seen.push(...scoresOf(events)));
      await untilReading(server);
      await breakReaders();
      await eventually(() => expect(() => server.assertReading()).toThrow(/2 of 2 partitions/));
      await submit([1]);
      await eventually(() => expect(seen).toEqual([1]), 2_000);
      await untilPending(0);
      await untilReading(server);
    });

    it('with one batch at a time when its connection breaks during a slow one', async () => {
      const seen: number[] = [];
      const server = start((events, { keys: { partition } }) => {
        if (partition === keys().partition) return current.slow.handle();
        seen.push(...scoresOf(events));
      });
      await untilReading(server);
      await submit([1]);
      await eventually(() => expect(current.slow.running).toBe(1));
      await breakReaders();
      // The reader of the other partition is back: this one could be, too, if it did not wait for its batch.
      await submit([2], 'weekly');
      await eventually(() => expect(seen).toEqual([2]));
      expect(await readers()).toHaveLength(1);
      current.slow.release();
      await untilPending(0);
      expect(current.slow.most).toBe(1);
    });
  });

  describe('closes', () => {
    it('after a slow batch and the one that was already read, acknowledges both, and leaves the group', async () => {
      await submit([1, 2]);
      const server = start(current.slow.handle, { batchSize: 1 });
      await untilPending(2);
      const closed = server.close();
      current.slow.release();
      await closed;
      expect(current.slow).toMatchObject({ running: 0, finished: 2 });
      expect(await pendingIds()).toEqual([]);
      expect(await consumers()).toEqual([]);
    });

    it('after a slow batch, even when its connection broke meanwhile', async () => {
      const server = start(current.slow.handle);
      await untilReading(server);
      await submit([1]);
      await eventually(() => expect(current.slow.running).toBe(1));
      await breakReaders();
      const closed = server.close();
      current.slow.release();
      await closed;
      expect(current.slow).toMatchObject({ running: 0, finished: 1 });
    });

    it('and stays in the group while it owns a pending event', async () => {
      await submit([1]);
      const server = start(() => Promise.reject(new Error('not now')));
      await untilPending(1);
      await server.close();
      expect(await pendingIds()).toHaveLength(1);
      expect(await consumers()).toEqual([expect.arrayContaining(['name', current.test.prefix])]);
    });

    it('well within a second when it only waits for events', async () => {
      await submit([1]);
      let batches = 0;
      const server = start(() => {
        batches += 1;
      });
      await eventually(() => expect(batches).toBe(1));
      await untilPending(0);
      await untilReading(server);
      const began = performance.now();
      await server.close();
      expect(performance.now() - began).toBeLessThan(500);
      expect(await consumers()).toEqual([]);
    });
  });

  describe('listens', () => {
    it('and reports whether every partition is being read', async () => {
      const server = create();
      server.addHandler('scores', async () => undefined, true);
      expect(() => server.assertReading()).toThrow('not started');
      expect(listen(server)).toEqual([undefined]);
      expect(() => server.assertReading()).toThrow('2 of 2 partitions are not being read');
      await untilReading(server);
      await server.close();
      expect(() => server.assertReading()).toThrow('not started');
    });

    it.each([
      ['there is no handler', [], /@EventPattern, for scores or players/],
      [
        'a handler is for no stream',
        ['scores', 'guilds'],
        /'guilds'\) is not a stream: use scores or players/,
      ],
      [
        'two handlers are for one stream',
        ['scores', 'players', 'scores'],
        /two handlers have @EventPattern\('scores'\)/,
      ],
    ])('not when %s', (_, patterns, message) => {
      const server = create();
      for (const pattern of patterns) server.addHandler(pattern, async () => undefined, true);
      const told = listen(server);
      expect(told).toEqual([expect.any(HandlerError)]);
      expect(told).toMatchObject([{ code: 'HANDLER', message: expect.stringMatching(message) }]);
      expect(() => server.assertReading()).toThrow('not started');
    });
  });
});
