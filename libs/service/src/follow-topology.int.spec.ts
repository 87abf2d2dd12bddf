import { NoLogError, Topology, topologyKey } from '#libs/event-log';
import { appendScores, eventually, keysLike, openTestLog, type TestLog } from '#libs/testing';
import { followTopology } from './follow-topology.js';
import { LogWatch } from './log-watch.js';

const logger = { log: () => {}, warn: () => {}, error: () => {} } as never;
const BEFORE = { scores: 3, players: 1 };

describe('a log that is deleted while a process is running', () => {
  let test: TestLog;
  let watch: LogWatch;
  beforeEach(async () => {
    test = await openTestLog(BEFORE);
    const boards = Array.from({ length: 12 }, (_, n) => ({ board: `b${n}`, player: 'ada', score: 1 }));
    await appendScores(test, boards);
    watch = new LogWatch(test.redis, test.topology, logger);
    await watch.assertWhole();
    for (const key of await keysLike(test.redis, `${test.prefix}:*`)) await test.redis.unlink(key);
  });
  afterEach(() => test.close());

  const lost = () => [...watch.lost()].reduce((sum, [, events]) => sum + events, 0);

  it('is not created again by a command', async () => {
    await expect(Topology.find(test.redis, test.prefix, {})).rejects.toThrow(NoLogError);
    expect(await keysLike(test.redis, `${test.prefix}:*`)).toEqual([]);
  });

  it('gets its topology back', async () => {
    const stop = followTopology(test.redis, test.topology, logger);
    await eventually(async () =>
      expect(await test.redis.hgetall(topologyKey(test.prefix))).toEqual({ scores: '3', players: '1' }),
    );
    stop();
  });

  it.each([
    ['more partitions', { scores: 5, players: 1 }],
    ['fewer partitions', { scores: 1, players: 1 }],
  ])('is known to have lost events when another process makes one of %s', async (_, counts) => {
    await Topology.open(test.redis, test.prefix, counts);
    const stop = followTopology(test.redis, test.topology, logger);
    await eventually(() => expect(test.topology.counts).toEqual(counts));
    await eventually(() => expect(watch.assertWhole()).rejects.toThrow(/lost events/), 5_000);
    expect(lost()).toBeGreaterThan(0);
    stop();
  });

  it('is reported as lost when, after a repartition, a process with the old settings creates it again', async () => {
    // As after a repartition, which gives the partitions new names.
    test.topology.update({ ...fieldsOf(BEFORE), 'scores:epoch': '2' });
    await appendScores(test, [{ board: 'b', player: 'ada', score: 1 }]);
    watch = new LogWatch(test.redis, test.topology, logger);
    await watch.assertWhole();
    for (const key of await keysLike(test.redis, `${test.prefix}:*`)) await test.redis.unlink(key);
    await Topology.open(test.redis, test.prefix, BEFORE);
    const stop = followTopology(test.redis, test.topology, logger);
    await eventually(
      () => expect(watch.assertWhole()).rejects.toThrow(/another log has taken the place/),
      5_000,
    );
    stop();
  });
});

const fieldsOf = (counts: object) =>
  Object.fromEntries(Object.entries(counts).map(([stream, count]) => [stream, String(count)]));
