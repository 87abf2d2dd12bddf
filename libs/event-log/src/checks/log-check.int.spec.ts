import type { RedisClient } from '#libs/redis';
import { appendScores, KilledError, keysLike, mortal, openTestLog, type TestLog } from '#libs/testing';
import type { PartitionKeys } from '../partitions/partition-keys.js';
import { Topology } from '../partitions/topology.js';
import { acceptLoss, checkLog, LogDamagedError, measureLog } from './log-check.js';

const GROUP = 'ranking-projector';

describe('checkLog', () => {
  let test: TestLog;
  let keys: PartitionKeys;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    keys = test.topology.at('scores', 0);
    await submit(6);
    await look();
  });
  afterEach(() => test.close());

  const submit = (count: number) =>
    appendScores(
      test,
      Array.from({ length: count }, (_, i) => ({ player: `p${i}`, score: i })),
    );
  /** As this process looks, which has looked before; or another one, which has just begun. */
  const look = () => checkLog(test.redis, keys, [GROUP]);
  const newcomer = () => new Topology(test.prefix, { scores: 1, players: 1 }).at('scores', 0);
  const lookAnew = () => checkLog(test.redis, newcomer(), [GROUP]);
  const dump = async () => {
    const names = await keysLike(test.redis, `${test.prefix}:*`);
    return Promise.all(names.map(async name => [name, await test.redis.dumpBuffer(name)] as const));
  };
  const restore = async (dumped: Awaited<ReturnType<typeof dump>>) => {
    for (const [name, value] of dumped) await test.redis.restore(name, 0, value, 'REPLACE');
  };
  const { xdel, xtrim, unlink } = {
    xdel: async (n: number) => {
      const entries = await test.redis.xrange(keys.stream, '-', '+', 'COUNT', n);
      await test.redis.xdel(keys.stream, ...entries.map(([id]) => id));
    },
    xtrim: (left: number) => test.redis.xtrim(keys.stream, 'MAXLEN', left),
    unlink: () => test.redis.unlink(keys.stream),
  };

  it('accepts a log that grows, also if a process sees it for the first time', async () => {
    await submit(3);
    expect(await look()).toMatchObject({ damage: '', lost: 0, length: 9 });
    await test.redis.unlink(keys.ledger());
    expect(await lookAnew()).toMatchObject({ damage: '', lost: 0, length: 9 });
  });

  it('counts archived events, and reports what was removed beyond them', async () => {
    const archive = async (left: number, trimmed: number) => {
      const entries = await test.redis.xrange(keys.stream, '-', '+');
      const floor = entries.at(-left - 1)?.[0] ?? '';
      await test.redis.hset(keys.archive(), { floor, trimmed, manifest: 'm' });
      await xtrim(left);
    };
    await archive(2, 4);
    for (const look of [checkLog, measureLog])
      expect(await look(test.redis, keys)).toMatchObject({ length: 6 });
    expect(await lookAnew()).toMatchObject({ damage: '', lost: 0 });
    await submit(3);
    expect(await look()).toMatchObject({ damage: '', lost: 0, length: 9 });
    await archive(1, 7);
    expect(await look()).toMatchObject({ lost: 1, damage: expect.stringContaining('1 event is gone') });
    await expect(measureLog(test.redis, newcomer())).rejects.toThrow(LogDamagedError);
  });

  it.each<[string, number, () => Promise<unknown>]>([
    ['is deleted', 6, unlink],
    [
      'is deleted, and created again by a worker',
      6,
      async () => {
        await unlink();
        await test.redis.xgroup('CREATE', keys.stream, GROUP, '0', 'MKSTREAM');
      },
    ],
    [
      'is deleted, and created again by an append',
      6,
      async () => {
        await unlink();
        await submit(1);
      },
    ],
    [
      'is deleted, and has more events than before',
      6,
      async () => {
        await unlink();
        await submit(9);
      },
    ],
    ['is trimmed by hand', 4, () => xtrim(2)],
    ['is trimmed to nothing by hand', 6, () => xtrim(0)],
    ['lacks events that were deleted by hand', 2, () => xdel(2)],
  ])('finds that it %s, by whoever looks first', async (_what, lost, harm) => {
    await harm();
    const { damage, found } = await lookAnew();
    expect({ damage, found }).toMatchObject({ damage: expect.stringMatching(/./), found: { events: lost } });
    // It is counted once.
    expect(await look()).toMatchObject({ damage, lost });
    expect((await look()).found).toBeUndefined();
  });

  it.each<[string, number, () => Promise<unknown>]>([
    [
      'everything is deleted',
      6,
      async () => {
        for (const name of await keysLike(test.redis, `${test.prefix}:*`)) await test.redis.unlink(name);
      },
    ],
    [
      'everything is deleted, and a new log begins',
      6,
      async () => {
        for (const name of await keysLike(test.redis, `${test.prefix}:*`)) await test.redis.unlink(name);
        await submit(8);
      },
    ],
  ])('is remembered by this process: %s', async (_what, lost, harm) => {
    await harm();
    expect(await look()).toMatchObject({ found: { events: lost }, lost });
    expect(await lookAnew()).toMatchObject({ damage: expect.stringContaining('deleted'), lost });
  });

  it.each([0, 1, 5])(
    'notices that another server answers, which lacks the last three events and has %d others',
    async others => {
      const replica = await dump();
      await submit(3);
      await restore(replica);
      if (others > 0) {
        // As another gateway appends, of whose events this one is not told.
        const elsewhere = new Topology(test.prefix, test.topology.counts);
        const { EventLog } = await import('../append/event-log.js');
        await appendScores(
          { ...test, log: new EventLog(test.redis, elsewhere), topology: elsewhere },
          Array.from({ length: others }, (_, i) => ({ player: `q${i}`, score: i })),
        );
      }
      const { found, damage } = await look();
      expect(found?.events).toBeGreaterThan(0);
      expect(damage).toContain('failover');
    },
  );

  it('notices a stream that was restored from an older backup', async () => {
    const older = (await dump()).filter(([name]) => name === keys.stream);
    await submit(3);
    await test.redis.hset(keys.ledger(), 'at', 0);
    await look();
    await restore(older);
    expect(await lookAnew()).toMatchObject({ found: { events: 3 } });
  });

  it('notices a stream that was deleted before the first check, by the applied events', async () => {
    await test.redis.unlink(keys.stream, keys.ledger(), keys.definitions());
    expect(await lookAnew()).toMatchObject({ damage: '' });
    await test.redis.hset(keys.live(GROUP), 'tick', 'abc');
    expect(await lookAnew()).toMatchObject({ damage: 'the stream was deleted' });
  });

  it('reports keys of another type', async () => {
    await test.redis.set(keys.stream, 'what is this?');
    expect(await look()).toMatchObject({ damage: expect.stringContaining('another type') });
  });

  it('refuses rebuilds until the loss is accepted, and notices the next loss', async () => {
    await xtrim(2);
    await expect(measureLog(test.redis, keys)).rejects.toThrow(LogDamagedError);
    expect(await acceptLoss(test.redis, keys, [GROUP])).toMatchObject({
      lost: 4,
      reason: expect.stringContaining('4 events'),
    });
    await submit(1);
    expect(await measureLog(test.redis, keys)).toMatchObject({ length: 3 });
    expect(await acceptLoss(test.redis, keys, [GROUP])).toEqual({ lost: 4, reason: '' });
    await unlink();
    await expect(measureLog(test.redis, keys)).rejects.toThrow(LogDamagedError);
    expect(await acceptLoss(test.redis, keys, [GROUP])).toMatchObject({ lost: 7 });
    await submit(1);
    expect(await measureLog(test.redis, newcomer())).toMatchObject({ length: 1 });
  });

  it('counts a loss once, however many processes notice it at the same time', async () => {
    const others = Array.from({ length: 8 }, newcomer);
    await Promise.all(others.map(each => checkLog(test.redis, each, [GROUP])));
    await unlink();
    const states = await Promise.all(others.map(each => checkLog(test.redis, each, [GROUP])));
    expect(states.filter(({ found }) => found)).toHaveLength(1);
    expect(await look()).toMatchObject({ lost: 6 });
  });

  it('counts a loss exactly, also if the first process to notice it knew no events', async () => {
    await test.redis.unlink(keys.stream, keys.ledger());
    await test.redis.hset(keys.live(GROUP), 'tick', 'abc');
    expect(await lookAnew()).toMatchObject({ damage: 'the stream was deleted', lost: 1 });
    expect(await look()).toMatchObject({ lost: 6 });
    expect(await lookAnew()).toMatchObject({ lost: 6 });
  });

  it('accepts a loss completely when it is repeated after a kill at any point', async () => {
    const accept = (client: RedisClient) => acceptLoss(client, newcomer(), [GROUP]);
    const counting = mortal(test.redis);
    await accept(counting.client);
    for (let at = 0; at < counting.sent() + 2; at++) {
      await submit(2);
      await look();
      await xtrim(1);
      await accept(mortal(test.redis, at).client).catch(error => expect(error).toBeInstanceOf(KilledError));
      const { lost } = await lookAnew();
      // Accepted or not, it is not lost twice, and not hidden.
      expect(lost).toBeGreaterThan(at);
      await accept(test.redis);
      expect(await lookAnew()).toMatchObject({ damage: '', reset: [], lost });
      expect(await measureLog(test.redis, newcomer())).toMatchObject({ length: 1 });
    }
  });
});
