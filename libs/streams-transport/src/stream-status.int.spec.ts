import { formatEventId } from '#libs/events';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';
import { readStreamStatus } from './stream-status.js';

const GROUP = 'group';

describe('the status of the streams', () => {
  let test: TestLog;

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  it('tells of an empty log that it is empty', async () => {
    const empty = { length: 0, bytes: 0, firstId: null, lastId: null, groups: [] };
    expect(await readStreamStatus(test.redis, test.topology)).toEqual([
      { stream: 'scores', partition: 0, ...empty },
      { stream: 'players', partition: 0, ...empty },
    ]);
  });

  it('tells how large a partition is, and how far its groups are', async () => {
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
    const [scores, players] = await readStreamStatus(test.redis, test.topology);
    expect(scores).toEqual({
      stream: 'scores',
      partition: 0,
      length: 3,
      bytes: expect.any(Number),
      firstId: `s0-${first?.[0]}`,
      lastId: `s0-${last?.[0]}`,
      groups: [
        {
          group: GROUP,
          lag: 2,
          pending: 1,
          oldestPendingMs: expect.any(Number),
          consumers: [{ name: 'test', pending: 1, idleMs: expect.any(Number) }],
        },
        { group: 'later', lag: 0, pending: 0, oldestPendingMs: null, consumers: [] },
      ],
    });
    expect(scores?.bytes).toBeGreaterThan(100);
    const age = scores?.groups[0]?.oldestPendingMs ?? -1;
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(Date.now() - (event?.id.ms ?? 0) + 1_000);
    expect(players).toMatchObject({ stream: 'players', length: 0 });
  });

  it('tells the lag also behind an event that was deleted', async () => {
    const keys = test.topology.at('scores', 0);
    await appendScores(test, [
      { player: 'ada', score: 1 },
      { player: 'zoe', score: 1 },
    ]);
    const [, event] = await deliver(test, keys, GROUP);
    await test.redis.xdel(keys.stream, event ? formatEventId(event.id) : '');
    await appendScores(test, [{ player: 'ada', score: 2 }]);
    const [scores] = await readStreamStatus(test.redis, test.topology);
    expect(scores?.groups).toMatchObject([{ group: GROUP, lag: 1 }]);
  });

  it('tells the age of a pending event by its own time, also when it was retried', async () => {
    const keys = test.topology.at('scores', 0);
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    await deliver(test, keys, GROUP);
    const [entry] = await test.redis.xrange(keys.stream, '-', '+');
    await test.redis.xclaim(keys.stream, GROUP, 'retry', 0, entry?.[0] ?? '', 'TIME', 0, 'JUSTID');
    const [scores] = await readStreamStatus(test.redis, test.topology);
    expect(scores?.groups[0]?.oldestPendingMs).toBeLessThan(60_000);
  });
});
