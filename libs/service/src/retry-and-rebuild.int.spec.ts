import { formatEventId, type RecordedEvent } from '#libs/events';
import {
  type LeaderboardEvent,
  LeaderboardReader,
  leaderboards,
  ranksKey,
  runsKey,
  scoreDocuments,
  scoresKey,
} from '#libs/leaderboards';
import { type AnyProjection, type JobOrder, JobRunner, Jobs } from '#libs/maintenance';
import { Projector, type StateKeys, stateKeys } from '#libs/projections';
import { DeadLetters, moveToDeadLetters } from '#libs/streams-transport';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';

const SILENT = { log: () => {}, error: (text: string) => expect(text).toBeUndefined() };

describe('a dead letter that is retried', () => {
  let test: TestLog;
  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
  });
  afterEach(() => test.close());

  const rebuild = async (projection: AnyProjection = leaderboards, order: Partial<JobOrder> = {}) => {
    const jobs = new Jobs(test.redis, test.topology);
    const job = await jobs.start(projection, { kind: 'rebuild', ...order });
    await new JobRunner(test.redis, test.topology, projection, SILENT).run(job);
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
    // From here on the worker has the skipped events in its cache.
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

  const ranks = (state: StateKeys) => ranksKey(state, 'board');
  const runs = (state: StateKeys) => runsKey(state, 'board');
  const scores = (state: StateKeys) => scoresKey(state, 'bob');
  it.each<[string, string, AnyProjection, Partial<JobOrder>, (state: StateKeys) => string]>([
    ['the ranks of a board', 'zset', leaderboards, { board: 'board' }, ranks],
    ['the runs of a board', 'hash', leaderboards, { board: 'board' }, runs],
    ['the scores of a player', 'hash', scoreDocuments, {}, scores],
  ])('takes effect once a rebuild has replaced %s, which somebody had overwritten', async (...row) => {
    const [, type, projection, order, keyIn] = row;
    const keys = test.topology.at('scores', 0);
    const source = { keys, group: projection.name };
    const projector = new Projector(test.redis, projection);
    const given = () => deliver(test, keys, source.group);
    await appendScores(test, [{ player: 'bob', score: 20 }]);
    await projector.apply((await given()) as never, source);
    const key = keyIn(stateKeys(keys, 1));
    await test.redis.set(key, 'of another program');
    await appendScores(test, [{ player: 'bob', score: 30 }]);
    const [dead] = await given();
    const error = await projector.apply([dead] as never, source).catch(thrown => thrown);
    expect(error).toMatchObject({ code: 'WRONG_TYPE', key, found: 'string', expected: type });
    expect(error.message).toMatch(/Rebuild.*retry the dead letter/);
    const id = formatEventId((dead as RecordedEvent).id);
    await moveToDeadLetters(test.redis, keys, source.group, { id, fields: [], error, deliveries: 5 });
    await rebuild(projection, order);
    const letters = new DeadLetters(test.redis, test.topology, { scores: [source.group], players: [] });
    const [found] = (await letters.list({ limit: 10 })).deadLetters;
    expect(found?.error).toContain(key);
    await letters.retry(found?.id ?? '');
    expect(await projector.apply([dead] as never, source)).toMatchObject({ applied: 1 });
    const jobs = new Jobs(test.redis, test.topology);
    const job = await jobs.start(projection, { kind: 'verify' });
    await new JobRunner(test.redis, test.topology, projection, SILENT).run(job);
    expect(await jobs.find(job.id)).toMatchObject({ state: 'done', result: { differences: 0 } });
  });
});
