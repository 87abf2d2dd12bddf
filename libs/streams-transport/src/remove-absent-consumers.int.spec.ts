import { appendScores, deliver, eventually, openTestLog, type TestLog } from '#libs/testing';
import { removeAbsentConsumers } from './remove-absent-consumers.js';

const GROUP = 'group';

describe('absent consumers', () => {
  let test: TestLog;

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    // The consumer owns the event.
    await deliver(test, keys(), GROUP);
    for (const name of ['gone', 'lost'])
      await test.redis.xgroup('CREATECONSUMER', keys().stream, GROUP, name);
  });
  afterEach(() => test.close());

  const keys = () => test.topology.at('scores', 0);
  const names = async () => {
    const list = (await test.redis.xinfo('CONSUMERS', keys().stream, GROUP)) as string[][];
    return list.map(consumer => consumer[1]).sort();
  };

  it('are removed when they have been idle for long and own nothing', async () => {
    const removed: string[] = [];
    await eventually(async () => {
      removed.push(...(await removeAbsentConsumers(test.redis, keys(), GROUP, 50)));
      expect(removed.sort()).toEqual(['gone', 'lost']);
    });
    expect(await names()).toEqual(['test']);
    expect(await removeAbsentConsumers(test.redis, keys(), GROUP, 0)).toEqual([]);
  });

  it('are kept for five minutes', async () => {
    expect(await removeAbsentConsumers(test.redis, keys(), GROUP)).toEqual([]);
    expect(await names()).toEqual(['gone', 'lost', 'test']);
  });

  it('are kept while they own events, however long they have been idle', async () => {
    await removeAbsentConsumers(test.redis, keys(), GROUP, 0);
    expect(await names()).toEqual(['test']);
    await test.redis.xack(keys().stream, GROUP, ...(await ids()));
    expect(await removeAbsentConsumers(test.redis, keys(), GROUP, 0)).toEqual(['test']);
    expect(await names()).toEqual([]);
  });

  it('exist again after their next delivery if they are alive after all', async () => {
    await removeAbsentConsumers(test.redis, keys(), GROUP, 0);
    await appendScores(test, [{ player: 'ada', score: 2 }]);
    await test.redis.xreadgroup('GROUP', GROUP, 'gone', 'STREAMS', keys().stream, '>');
    expect(await names()).toEqual(['gone', 'test']);
  });

  const ids = async () => (await test.redis.xrange(keys().stream, '-', '+')).map(([id]) => id);
});
