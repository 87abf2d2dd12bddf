import { Logger } from '@nestjs/common';
import { formatEventId, packEvent } from '#libs/events';
import { appendScores, deliver, eventually, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { PartitionConsumer } from './partition-consumer.js';
import { readStreamStatus } from './stream-status.js';

const GROUP = 'group';
const GROUPS = { scores: [GROUP], players: [] };

describe('the status of the streams', () => {
  let test: TestLog;

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  it('is zero and null for an empty log', async () => {
    const empty = { length: 0, bytes: 0, firstId: null, lastId: null, aheadMs: 0, groups: [] };
    expect(await readStreamStatus(test.redis, test.topology, GROUPS)).toEqual([
      { stream: 'scores', partition: 0, ...empty },
      { stream: 'players', partition: 0, ...empty },
    ]);
  });

  it('has the size of a partition and the progress of its groups', async () => {
    const keys = test.topology.at('scores', 0);
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    const [event] = await deliver(test, keys, GROUP);
    await appendScores(test, [
      { player: 'ada', score: 2 },
      { player: 'ada', score: 3 },
    ]);
    await test.redis.xgroup('CREATE', keys.stream, 'later', '$');
    const [first] = await test.redis.xrange(keys.stream, '-', '+', 'COUNT', 1);
    const [last] = await test.redis.xrevrange(keys.stream, '+', '-', 'COUNT', 1);
    const [scores, players] = await readStreamStatus(test.redis, test.topology, GROUPS);
    expect(scores).toEqual({
      stream: 'scores',
      partition: 0,
      length: 3,
      bytes: expect.any(Number),
      firstId: `s0-${first?.[0]}`,
      lastId: `s0-${last?.[0]}`,
      aheadMs: 0,
      groups: [
        {
          group: GROUP,
          lag: 2,
          lagSeconds: expect.any(Number),
          pending: 1,
          oldestPendingMs: expect.any(Number),
          workers: 0,
          consumers: [{ name: 'test', pending: 1, idleMs: expect.any(Number), live: false }],
        },
        {
          group: 'later',
          lag: 0,
          lagSeconds: 0,
          pending: 0,
          oldestPendingMs: null,
          workers: 0,
          consumers: [],
        },
      ],
    });
    expect(scores?.bytes).toBeGreaterThan(100);
    const age = scores?.groups[0]?.oldestPendingMs ?? -1;
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(Date.now() - (event?.id.ms ?? 0) + 1_000);
    expect(players).toMatchObject({ stream: 'players', length: 0 });
  });

  it('has the lag when the last delivered event was deleted', async () => {
    const keys = test.topology.at('scores', 0);
    await appendScores(test, [
      { player: 'ada', score: 1 },
      { player: 'zoe', score: 1 },
    ]);
    const [, event] = await deliver(test, keys, GROUP);
    await test.redis.xdel(keys.stream, event ? formatEventId(event.id) : '');
    await appendScores(test, [{ player: 'ada', score: 2 }]);
    const [scores] = await readStreamStatus(test.redis, test.topology, GROUPS);
    expect(scores?.groups).toMatchObject([{ group: GROUP, lag: 1 }]);
  });

  it('has the age of a pending event since it was appended, also after a retry', async () => {
    const keys = test.topology.at('scores', 0);
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    await deliver(test, keys, GROUP);
    const [entry] = await test.redis.xrange(keys.stream, '-', '+');
    await test.redis.xclaim(keys.stream, GROUP, 'retry', 0, entry?.[0] ?? '', 'TIME', 0, 'JUSTID');
    const [scores] = await readStreamStatus(test.redis, test.topology, GROUPS);
    expect(scores?.groups[0]?.oldestPendingMs).toBeLessThan(60_000);
  });

  it('has the age of the oldest undelivered event', async () => {
    const keys = test.topology.at('scores', 0);
    const { e } = packEvent({
      type: 'ScoreSubmitted',
      data: { board: 'b', player: 'p', score: 1 },
      actor: SERVER,
    });
    await test.redis.xgroup('CREATE', keys.stream, GROUP, '0', 'MKSTREAM');
    await test.redis.xadd(keys.stream, `${Date.now() - 90_000}-0`, 'e', e);
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    const [scores] = await readStreamStatus(test.redis, test.topology, GROUPS);
    expect(scores?.groups[0]).toMatchObject({ lag: 2 });
    expect(scores?.groups[0]?.lagSeconds).toBeGreaterThan(89);
    expect(scores?.groups[0]?.lagSeconds).toBeLessThan(200);
  });

  it('counts the lag itself, which Redis reports wrongly after a rewritten append-only file was loaded', async () => {
    const keys = test.topology.at('scores', 0);
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    const [event] = await deliver(test, keys, GROUP);
    const id = event ? formatEventId(event.id) : '';
    await test.redis.xack(keys.stream, GROUP, id);
    // The state after such a load: Redis assumes that the group has read fewer entries than it has.
    await test.redis.call('XGROUP', 'SETID', keys.stream, GROUP, id, 'ENTRIESREAD', '0');
    const info = JSON.stringify(await test.redis.xinfo('GROUPS', keys.stream));
    expect(info).toContain('"lag",1');
    const [scores] = await readStreamStatus(test.redis, test.topology, GROUPS);
    expect(scores?.groups).toMatchObject([{ lag: 0, lagSeconds: 0 }]);
  });

  it('counts fewer events per call when events are large', async () => {
    const keys = test.topology.at('scores', 0);
    await test.redis.xgroup('CREATE', keys.stream, GROUP, '0', 'MKSTREAM');
    for (let n = 0; n < 40; n++) await test.redis.xadd(keys.stream, '*', 'd', 'x'.repeat(250_000));
    const [scores] = await readStreamStatus(test.redis, test.topology, GROUPS);
    expect(scores?.groups).toMatchObject([{ lag: 40 }]);
  });

  it('includes workers with a heartbeat that are not consumers in Redis', async () => {
    const keys = test.topology.at('scores', 0);
    const worker = new PartitionConsumer(
      test.redis,
      keys,
      { group: GROUP, consumer: 'one', batchSize: 10, claimIdleMs: 500, maxDeliveries: 5 },
      async () => undefined,
      () => {},
      new Logger(),
    );
    const groups = async () => (await readStreamStatus(test.redis, test.topology, GROUPS))[0]?.groups;
    worker.start();
    await eventually(async () => expect(await groups()).toMatchObject([{ workers: 1 }]), 10_000);
    await test.redis.xgroup('DELCONSUMER', keys.stream, GROUP, 'one');
    await worker.sendHeartbeat();
    expect(await groups()).toMatchObject([
      { workers: 1, consumers: [{ name: 'one', pending: 0, live: true }] },
    ]);
    await worker.stop();
    expect(await groups()).toMatchObject([{ workers: 0, consumers: [] }]);
  });
});
