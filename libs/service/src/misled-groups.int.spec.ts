import { type Counter, register } from 'prom-client';
import type { PartitionKeys } from '#libs/event-log';
import { acceptLoss } from '#libs/event-log';
import { formatEventId, type RecordedEvent } from '#libs/events';
import { type LeaderboardEvent, LeaderboardReader, leaderboards } from '#libs/leaderboards';
import { JobRunner, Jobs } from '#libs/maintenance';
import { Projector } from '#libs/projections';
import { DeadLetters, moveToDeadLetters } from '#libs/streams-transport';
import { appendScores, deliver, openTestLog, type TestLog } from '#libs/testing';
import { LogWatch } from './log-watch.js';

const GROUP = leaderboards.name;
const SILENT = { log: () => {}, warn: () => {}, error: () => {} };

describe('a consumer group that was changed by hand', () => {
  let test: TestLog;
  let keys: PartitionKeys;
  let applyAll: (events: readonly RecordedEvent<LeaderboardEvent>[]) => Promise<unknown>;
  let errors: string[];
  const given = () => deliver<LeaderboardEvent>(test, keys, GROUP);

  beforeEach(async () => {
    test = await openTestLog({ scores: 1, players: 1 });
    keys = test.topology.at('scores', 0);
    const projector = new Projector(test.redis, leaderboards);
    applyAll = events => projector.apply(events, { keys, group: GROUP });
    errors = [];
    await submit('before');
    await apply();
    await report();
  });
  afterEach(() => test.close());

  const submit = (player: string) => appendScores(test, [{ player, score: 1 }]);
  const apply = async () => applyAll(await given());
  const last = async () => (await test.redis.xrevrange(keys.stream, '+', '-', 'COUNT', 1))[0]?.[0] ?? '';
  /** The problem as reported by a process that has just started; empty when there is none. */
  const report = () => {
    const logger = { warn: () => {}, error: (text: string) => void errors.push(text) };
    return new LogWatch(test.redis, test.topology, logger as never).assertWhole().then(
      () => '',
      (error: Error) => error.message,
    );
  };
  const rebuild = async () => {
    const jobs = new Jobs(test.redis, test.topology);
    const job = await jobs.start(leaderboards, { kind: 'rebuild' });
    await new JobRunner(test.redis, test.topology, leaderboards, SILENT).run(job);
    expect(await jobs.find(job.id)).toMatchObject({ state: 'done' });
  };
  const ranked = async () => {
    const reader = new LeaderboardReader(test.redis, test.topology);
    const { entries } = await reader.read('board', { from: { offset: 0 }, length: 10 });
    return entries.map(({ player }) => player).sort();
  };
  const metric = async () => {
    const counter = register.getSingleMetric('questlog_events_lost_total') as Counter;
    const { values } = await counter.get();
    return values.filter(({ labels }) => labels.group === GROUP).map(({ value }) => value);
  };

  it.each<[string, () => Promise<unknown>]>([
    ['is set to the last event', () => test.redis.xgroup('SETID', keys.stream, GROUP, '$')],
    [
      'is deleted and created behind the last event',
      async () => {
        await test.redis.xgroup('DESTROY', keys.stream, GROUP);
        await test.redis.xgroup('CREATE', keys.stream, GROUP, '$');
      },
    ],
    [
      'loses a consumer with its pending events',
      async () => {
        await given();
        await test.redis.xgroup('DELCONSUMER', keys.stream, GROUP, 'test');
      },
    ],
    [
      'has events acknowledged that were not applied',
      async () => {
        for (const { id } of await given()) await test.redis.xack(keys.stream, GROUP, formatEventId(id));
      },
    ],
  ])('is known to lack events when it %s, until it is rebuilt', async (_, meddle) => {
    await submit('skipped');
    await submit('skipped-too');
    await report();
    await meddle();
    expect(await report()).toMatch(/ranking-projector has not applied 2 events.*rebuild/);
    expect(errors.join()).toContain('data loss');
    expect(await metric()).toEqual([2]);
    await submit('after');
    await apply();
    expect(await report()).toContain('2 events');
    expect(await ranked()).toEqual(['after', 'before']);
    await rebuild();
    expect(await report()).toBe('');
    expect(await ranked()).toEqual(['after', 'before', 'skipped', 'skipped-too']);
    // The metric still counts all events ever missed.
    expect(await metric()).toEqual([2]);
  });

  it('is reported as receiving nothing when it was set to a future id', async () => {
    await test.redis.xgroup('SETID', keys.stream, GROUP, '9999999999999-0');
    expect(await report()).toContain(`XGROUP SETID ${keys.stream} ${GROUP} ${await last()}`);
    await submit('skipped');
    const remedy = await report();
    expect(remedy).toContain('has not applied 1 events');
    await test.redis.xgroup('SETID', keys.stream, GROUP, await last());
    await rebuild();
    expect(await report()).toBe('');
    expect(await ranked()).toEqual(['before', 'skipped']);
  });

  it('is reported as having events twice when it was set back', async () => {
    await test.redis.xgroup('SETID', keys.stream, GROUP, '0');
    await apply();
    expect(await report()).toContain('given 1 events once more');
    await rebuild();
    expect(await report()).toBe('');
  });

  it('is not reported because of dead letters, retries, and deletions', async () => {
    await submit('dead');
    const [dead] = (await given()) as [RecordedEvent<LeaderboardEvent>];
    const letter = { fields: [], error: new Error('a fault'), deliveries: 5 };
    await moveToDeadLetters(test.redis, keys, GROUP, { id: formatEventId(dead.id), ...letter });
    expect(await report()).toBe('');
    const letters = new DeadLetters(test.redis, test.topology, { scores: [GROUP], players: [] });
    const [found] = (await letters.list({ limit: 1 })).deadLetters;
    await letters.retry(found?.id ?? '');
    expect(await report()).toBe('');
    await applyAll([dead]);
    expect(await report()).toBe('');
    await submit('trimmed');
    await report();
    await test.redis.xtrim(keys.stream, 'MAXLEN', 0);
    expect(await report()).toMatch(/^partition 0 of scores has lost events[^;]*$/);
    await acceptLoss(test.redis, keys, [GROUP]);
    expect(await report()).toBe('');
  });

  it('is no longer reported after an operator has accepted the loss', async () => {
    await submit('skipped');
    await test.redis.xgroup('SETID', keys.stream, GROUP, '$');
    await report();
    expect(await acceptLoss(test.redis, keys, [GROUP])).toMatchObject({
      reason: expect.stringContaining('missed 1 events'),
    });
    expect(await report()).toBe('');
  });
});
