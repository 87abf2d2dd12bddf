import { checkLog } from '#libs/event-log';
import { keysLike, openTestLog, SERVER, type TestLog } from '#libs/testing';
import { LogWatch, requestLogCheck } from './log-watch.js';

describe('a process that checks the log', () => {
  let test: TestLog;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  it('answers the request of a command that has just started, and reports a loss that only it remembers', async () => {
    await test.log.append({
      type: 'ScoreSubmitted',
      data: { board: 'b', player: 'p', score: 1 },
      actor: SERVER,
    });
    const watch = () => new LogWatch(test.redis, test.topology, { error: () => {}, warn: () => {} });
    const old = watch();
    await old.assertWhole();
    for (const key of await keysLike(test.redis, `${test.prefix}:*`)) await test.redis.unlink(key);
    const asked = requestLogCheck(test.redis, test.prefix, 3_000);
    // A process that has never checked the log does not answer.
    await watch()
      .assertWhole()
      .catch(() => {});
    expect(await requestLogCheck(test.redis, test.prefix, 100)).toBe(false);
    const looking = setInterval(() => void old.assertWhole().catch(() => {}), 100);
    expect(await asked).toBe(true);
    clearInterval(looking);
    const { damage } = await checkLog(test.redis, test.topology.at('scores', 0));
    expect(damage).toContain('deleted');
  });
});
