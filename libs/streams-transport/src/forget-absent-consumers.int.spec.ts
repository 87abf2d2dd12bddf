import { appendScores, deliver, eventually, openTestLog, type TestLog } from '#libs/testing';
import { forgetAbsentConsumers } from './forget-absent-consumers.js';

const GROUP = 'group';

describe('consumers that are gone', () => {
  let test: TestLog;

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    await appendScores(test, [{ player: 'ada', score: 1 }]);
    // It owns the event.
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

  it('are forgotten when they have been idle for long and own nothing', async () => {
    const removed: string[] = [];
    await eventually(async () => {
      removed.push(...(await forgetAbsentConsumers(test.redis, keys(), GROUP, 50)));
      expect(removed.sort()).toEqual(['gone', 'lost']);
    });
    expect(await names()).toEqual(['test']);
    expect(await forgetAbsentConsumers(test.redis, keys(), GROUP, 0)).toEqual([]);
  });

  it('stay for five minutes', async () => {
    expect(await forgetAbsentConsumers(test.redis, keys(), GROUP)).toEqual([]);
    expect(await names()).toEqual(['gone', 'lost', 'test']);
  });

  it('stay while they own events, however long they are gone', async () => {
    await forgetAbsentConsumers(test.redis, keys(), GROUP, 0);
    expect(await names()).toEqual(['test']);
    await test.redis.xack(keys().stream, GROUP, ...(await ids()));
    expect(await forgetAbsentConsumers(test.redis, keys(), GROUP, 0)).toEqual(['test']);
    expect(await names()).toEqual([]);
  });

  it('are there again with their next delivery, should they live after all', async () => {
    await forgetAbsentConsumers(test.redis, keys(), GROUP, 0);
    await appendScores(test, [{ player: 'ada', score: 2 }]);
    await test.redis.xreadgroup('GROUP', GROUP, 'gone', 'STREAMS', keys().stream, '>');
    expect(await names()).toEqual(['gone', 'test']);
  });

  const ids = async () => (await test.redis.xrange(keys().stream, '-', '+')).map(([id]) => id);
});
