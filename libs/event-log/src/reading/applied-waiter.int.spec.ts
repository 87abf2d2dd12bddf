import { jest } from '@jest/globals';
import { formatEventId } from '#libs/events';
import { eventually, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { AppliedWaiter } from './applied-waiter.js';
import type { EventRef } from './event-ref.js';

const GROUPS = ['ranking', 'audit'];

describe('AppliedWaiter', () => {
  let test: TestLog;
  let progress: AppliedWaiter;
  let looks: jest.SpiedFunction<TestLog['redis']['evalsha']>;

  beforeEach(async () => {
    test = await openTestLog({ scores: 2, players: 2 });
    progress = new AppliedWaiter(test.redis, test.topology, { scores: GROUPS, players: [] });
    looks = jest.spyOn(test.redis, 'evalsha');
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await test.close();
  });

  const stream = () => test.topology.of('scores', 'b').stream;
  const submit = async (score = 1) => {
    const data = { board: 'b', player: 'ada', score };
    return (await test.log.append({ type: 'ScoreSubmitted', data, actor: SERVER })).ref;
  };
  const createGroups = (groups = GROUPS) =>
    Promise.all(groups.map(group => test.redis.xgroup('CREATE', stream(), group, '0', 'MKSTREAM')));
  /** Gives a group all that it has not been given. */
  const deliver = (group: string) =>
    test.redis.xreadgroup('GROUP', group, 'c', 'COUNT', 1_000, 'STREAMS', stream(), '>');
  const acknowledge = (group: string, ref: EventRef) =>
    test.redis.xack(stream(), group, formatEventId(ref.id));
  const applyEverywhere = async (ref: EventRef) => {
    for (const group of GROUPS) {
      await deliver(group);
      await acknowledge(group, ref);
    }
  };
  /** Settles when progress has looked at what is there now: what it had under way does not count. */
  const anotherLook = async () => {
    const before = looks.mock.calls.length;
    await eventually(() => expect(looks.mock.calls.length).toBeGreaterThan(before + 2));
  };
  /** Begins to wait, and tells whether the wait is over. */
  const wait = (ref: EventRef) => {
    const over = jest.fn();
    const applied = progress.whenApplied(ref, 5_000);
    applied.then(over, over);
    return { applied, over };
  };

  it('reports an event as applied when the last group has acknowledged it', async () => {
    await createGroups();
    const ref = await submit();
    const { applied, over } = wait(ref);
    await anotherLook();
    await Promise.all(GROUPS.map(deliver));
    await anotherLook();
    await acknowledge('ranking', ref);
    await anotherLook();
    expect(over).not.toHaveBeenCalled();
    await acknowledge('audit', ref);
    expect(await applied).toBe(true);
  });

  it('reports an old event at once', async () => {
    await createGroups();
    const ref = await submit();
    await applyEverywhere(ref);
    await applyEverywhere(await submit(2));
    const before = looks.mock.calls.length;
    expect(await progress.whenApplied(ref, 5_000)).toBe(true);
    expect(looks.mock.calls.length).toBe(before + 1);
  });

  it('does not report an event as applied because an earlier one of the same millisecond is', async () => {
    await createGroups();
    for (const id of ['5-9', '5-10']) await test.redis.xadd(stream(), id, 'e', '[]');
    for (const group of GROUPS) {
      await test.redis.xreadgroup('GROUP', group, 'c', 'COUNT', 1, 'STREAMS', stream(), '>');
      await test.redis.xack(stream(), group, '5-9');
    }
    const at = (seq: number): EventRef => ({
      stream: 'scores',
      partition: test.topology.of('scores', 'b').partition,
      id: { ms: 5, seq },
    });
    expect(await progress.whenApplied(at(9), 5_000)).toBe(true);
    expect(await progress.whenApplied(at(10), 50)).toBe(false);
  });

  it('counts an event as applied while an older one is still pending', async () => {
    await createGroups();
    const older = await submit(1);
    const newer = await submit(2);
    await applyEverywhere(newer);
    expect(await progress.whenApplied(newer, 5_000)).toBe(true);
    expect(await progress.whenApplied(older, 50)).toBe(false);
  });

  it('returns false after the timeout', async () => {
    await createGroups();
    const ref = await submit();
    const began = performance.now();
    expect(await progress.whenApplied(ref, 100)).toBe(false);
    expect(performance.now() - began).toBeGreaterThan(95);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('returns false after the timeout, even if Redis does not respond', async () => {
    const ref = await submit();
    looks.mockImplementation(() => new Promise(() => {}));
    const began = performance.now();
    expect(await progress.whenApplied(ref, 50)).toBe(false);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it('returns false at once for a partition that does not exist', async () => {
    const ref = await submit();
    const before = looks.mock.calls.length;
    expect(await progress.whenApplied({ ...ref, partition: 2 }, 60_000)).toBe(false);
    expect(looks.mock.calls.length).toBe(before);
  });

  it('waits for a group that does not exist yet', async () => {
    await createGroups(['ranking']);
    const ref = await submit();
    await deliver('ranking');
    await acknowledge('ranking', ref);
    const { applied, over } = wait(ref);
    await anotherLook();
    expect(over).not.toHaveBeenCalled();
    await createGroups(['audit']);
    await anotherLook();
    expect(over).not.toHaveBeenCalled();
    await deliver('audit');
    await acknowledge('audit', ref);
    expect(await applied).toBe(true);
  });

  it('waits for a stream that does not exist yet', async () => {
    expect(await progress.whenApplied({ stream: 'scores', partition: 0, id: { ms: 1, seq: 0 } }, 50)).toBe(
      false,
    );
  });

  it('serves many callers of one partition with few polls', async () => {
    await createGroups();
    const refs = await Promise.all(Array.from({ length: 300 }, (_, i) => submit(i)));
    for (const group of GROUPS) {
      await deliver(group);
      await test.redis.xack(stream(), group, ...refs.map(ref => formatEventId(ref.id)));
    }
    const before = looks.mock.calls.length;
    const applied = await Promise.all(refs.map(ref => progress.whenApplied(ref, 5_000)));
    expect(applied).toEqual(refs.map(() => true));
    expect(looks.mock.calls.length - before).toBeLessThanOrEqual(3);
  });

  it('polls only partitions for which somebody waits', async () => {
    await createGroups();
    const ref = await submit();
    expect(await progress.whenApplied(ref, 30)).toBe(false);
    // The look that the time ran out in may be under way still.
    await test.redis.ping();
    looks.mockClear();
    expect(await progress.whenApplied({ ...ref, partition: 1 - Number(ref.partition) }, 100)).toBe(false);
    const streams = looks.mock.calls.map(([, , stream]) => stream);
    expect(streams.length).toBeGreaterThan(3);
    // One, when the interval after the last look was not over.
    expect(streams.filter(name => name === stream()).length).toBeLessThanOrEqual(1);
  });

  it('stops polling when nobody waits any more', async () => {
    await createGroups();
    const ref = await submit();
    let isGone = false;
    const applied = progress.whenApplied(ref, 60_000, () => isGone);
    await eventually(() => expect(looks.mock.calls.length).toBeGreaterThan(3));
    isGone = true;
    expect(await applied).toBe(false);
    const streams = () => looks.mock.calls.filter(([, , name]) => name === stream()).length;
    const before = streams();
    expect(await progress.whenApplied({ ...ref, partition: 1 - Number(ref.partition) }, 50)).toBe(false);
    expect(streams() - before).toBeLessThanOrEqual(1);
  });

  it('passes an error to all current callers, and serves later ones', async () => {
    await createGroups();
    const ref = await submit();
    await applyEverywhere(ref);
    looks.mockRejectedValueOnce(new Error('LOADING')).mockRejectedValueOnce(new Error('LOADING'));
    const waits = [progress.whenApplied(ref, 5_000), progress.whenApplied(ref, 5_000)];
    expect(await Promise.allSettled(waits)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(await progress.whenApplied(ref, 5_000)).toBe(true);
  });

  it('reports a dead letter as applied only after a successful retry', async () => {
    await createGroups();
    const ref = await submit();
    const skipped = test.topology.of('scores', 'b').skipped('audit');
    await test.redis.hset(skipped, formatEventId(ref.id), 'dead 1-1');
    await applyEverywhere(ref);
    const { applied, over } = wait(ref);
    await anotherLook();
    expect(over).not.toHaveBeenCalled();
    await test.redis.hdel(skipped, formatEventId(ref.id));
    expect(await applied).toBe(true);
  });

  describe('for an event that every partition has', () => {
    const ban = async () =>
      (await test.log.append({ type: 'PlayerBanned', data: { player: 'ada' }, actor: SERVER })).ref;
    const streams = () => test.topology.all('scores').map(keys => keys.stream);
    const createAllGroups = () =>
      Promise.all(
        streams().flatMap(name =>
          GROUPS.map(group => test.redis.xgroup('CREATE', name, group, '0', 'MKSTREAM')),
        ),
      );
    /** Gives a group the next event of a partition, or all. */
    const read = (name: string, group: string, count = 1_000) =>
      test.redis.xreadgroup('GROUP', group, 'c', 'COUNT', count, 'STREAMS', name, '>');
    const acknowledgeAll = async (name: string, group: string) => {
      const pending = (await test.redis.xpending(name, group, '-', '+', 1_000)) as [id: string][];
      await test.redis.xack(name, group, ...pending.map(([id]) => id));
    };

    it('waits for all partitions and all groups', async () => {
      await createAllGroups();
      const { applied, over } = wait(await ban());
      for (const name of streams()) {
        for (const group of GROUPS) {
          await anotherLook();
          expect(over).not.toHaveBeenCalled();
          await read(name, group);
          await anotherLook();
          expect(over).not.toHaveBeenCalled();
          await acknowledgeAll(name, group);
        }
      }
      expect(await applied).toBe(true);
    });

    it('waits for events that are pending up to it, and not for later ones', async () => {
      await createAllGroups();
      const older = await submit(1);
      const ref = await ban();
      await submit(2);
      for (const name of streams()) {
        for (const group of GROUPS) await read(name, group);
      }
      const others = streams().filter(name => name !== stream());
      for (const name of others) for (const group of GROUPS) await acknowledgeAll(name, group);
      const copies = (await test.redis.xrange(stream(), '-', '+')).map(([id]) => id);
      for (const group of GROUPS) await test.redis.xack(stream(), group, copies[1] ?? '');
      const { applied, over } = wait(ref);
      await anotherLook();
      expect(over).not.toHaveBeenCalled();
      for (const group of GROUPS) await acknowledge(group, older);
      expect(await applied).toBe(true);
    });

    it('does not wait for a dead letter', async () => {
      await createAllGroups();
      const ref = await ban();
      for (const name of streams()) {
        for (const group of GROUPS) {
          await read(name, group);
          await acknowledgeAll(name, group);
        }
      }
      const { partition, id } = await submit();
      const keys = test.topology.at('scores', Number(partition));
      await test.redis.hset(keys.skipped('audit'), formatEventId(id), 'dead 1-1');
      for (const group of GROUPS) {
        await read(keys.stream, group);
        await acknowledgeAll(keys.stream, group);
      }
      expect(await progress.whenApplied({ ...ref, id }, 5_000)).toBe(true);
    });
  });
});
