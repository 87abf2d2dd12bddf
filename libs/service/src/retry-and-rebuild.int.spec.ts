import { formatEventId, type RecordedEvent } from '#libs/events';
import { type LeaderboardEvent, LeaderboardReader, leaderboards } from '#libs/leaderboards';
import { JobRunner, Jobs } from '#libs/maintenance';
import { Projector } from '#libs/projections';
import { DeadLetters, moveToDeadLetters } from '#libs/streams-transport';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';

const SILENT = { log: () => {}, error: (text: string) => expect(text).toBeUndefined() };

describe('a dead letter that is retried', () => {
  let test: TestLog;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  const rebuild = async () => {
    const jobs = new Jobs(test.redis, test.topology);
    const job = await jobs.start(leaderboards, { kind: 'rebuild' });
    await new JobRunner(test.redis, test.topology, leaderboards, SILENT).run(job);
    expect(await jobs.find(job.id)).toMatchObject({ state: 'done' });
  };

  const ranking = async () => {
    const { entries } = await new LeaderboardReader(test.redis, test.topology).read('board', {
      from: { offset: 0 },
      length: 10,
    });
    return entries.map(({ player }) => player);
  };

  it.each([
    ['never', false, false],
    ['before', true, false],
    ['meanwhile', false, true],
    ['before and meanwhile', true, true],
  ])('takes effect once, with a rebuild %s', async (_, before, meanwhile) => {
    const keys = test.topology.at('scores', 0);
    const source = { keys, group: leaderboards.name };
    const projector = new Projector(test.redis, leaderboards);
    const given = () => deliver<LeaderboardEvent>(test, keys, source.group);
    await appendScores(test, [{ player: 'bob', score: 20 }]);
    const [dead] = (await given()) as [RecordedEvent<LeaderboardEvent>];
    const letter = { id: formatEventId(dead.id), fields: [], error: new Error('a fault'), deliveries: 5 };
    await moveToDeadLetters(test.redis, keys, source.group, letter);
    await appendScores(test, [{ player: 'eve', score: 30 }]);
    // From here on the worker knows what is skipped.
    await projector.apply(await given(), source);
    if (before) await rebuild();
    expect(await ranking()).toEqual(['eve']);
    const letters = new DeadLetters(test.redis, test.topology, { scores: [source.group], players: [] });
    const [found] = (await letters.list({ limit: 10 })).deadLetters;
    await letters.retry(found?.id ?? '');
    if (meanwhile) await rebuild();
    expect(await projector.apply([dead], source)).toMatchObject({ applied: 1 });
    expect(await ranking()).toEqual(['eve', 'bob']);
    expect(await test.redis.exists(keys.skipped(source.group))).toBe(0);
    await rebuild();
    expect(await ranking()).toEqual(['eve', 'bob']);
  });
});
