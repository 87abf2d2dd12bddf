import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AppliedWaiter, InvalidCursorError, type PartitionKeys } from '#libs/event-log';
import { formatEventId, type RecordedEvent } from '#libs/events';
import { WrongTypeError } from '#libs/redis';
import {
  appendScores,
  deliver,
  eventually,
  openTestLog,
  pendingOf,
  SERVER,
  type TestLog,
} from '#libs/testing';
import { InvalidDeadLetterIdError } from './dead-letter-id.js';
import { DeadLetterNotFoundError, DeadLetters, EventGoneError, UnknownGroupError } from './dead-letters.js';
import { moveToDeadLetters } from './move-to-dead-letters.js';
import { removeAbsentConsumers } from './remove-absent-consumers.js';
import { StreamsServer } from './streams-server.js';

const GROUP = 'ranking';
const GROUPS = { scores: [GROUP, 'scores'], players: ['saves'] };
const ALL = { limit: 100 };

jest.setTimeout(15_000);

describe('dead letters', () => {
  let test: TestLog;
  let letters: DeadLetters;

  beforeAll(() => Logger.overrideLogger(false));
  beforeEach(async () => {
    test = await openTestLog();
    letters = new DeadLetters(test.redis, test.topology, GROUPS);
  });
  afterEach(() => test.close());

  const keysOf = (board = 'board') => test.topology.of('scores', board);
  const skipped = (keys = keysOf(), group = GROUP) => test.redis.hgetall(keys.skipped(group));
  const bury = async (event: RecordedEvent, keys: PartitionKeys, group = GROUP) => {
    const id = formatEventId(event.id);
    const [entry] = await test.redis.xrange(keys.stream, id, id);
    const failed = { id, fields: entry?.[1] ?? [], error: new TypeError('no'), deliveries: 5 };
    return moveToDeadLetters(test.redis, keys, group, failed);
  };
  /** Appends scores, which all become dead letters of a group. @returns the events */
  const fail = async (scores: readonly number[], { board = 'board', group = GROUP } = {}) => {
    const data = scores.map(score => ({ board, player: 'ada', score }));
    await appendScores(test, data);
    const events = await deliver(test, keysOf(board), group);
    for (const event of events) expect(await bury(event, keysOf(board), group)).toBe(true);
    return events;
  };
  const only = async () => {
    const { deadLetters } = await letters.list(ALL);
    expect(deadLetters).toHaveLength(1);
    return deadLetters[0]?.id ?? '';
  };
  const scoresOf = ({ deadLetters }: Awaited<ReturnType<DeadLetters['list']>>) =>
    deadLetters.map(letter => letter.event?.data.score);

  describe('when an event is given up', () => {
    it('are no longer pending, and a replay for the group skips them', async () => {
      const [event] = await fail([1]);
      const id = await only();
      const [, letter] = /-(\d+-\d+)$/.exec(id) ?? [];
      expect(await skipped()).toEqual({ [formatEventId(event?.id ?? { ms: 0, seq: 0 })]: `dead ${letter}` });
      expect(await pendingOf(test, keysOf(), GROUP)).toBe(0);
    });

    it('are created once, however often the event is moved', async () => {
      const [event] = await fail([1]);
      const before = await skipped();
      expect(event && (await bury(event, keysOf()))).toBe(false);
      expect(await skipped()).toEqual(before);
      await only();
    });

    it('are not created, and the event stays pending, when a key has the wrong type', async () => {
      await appendScores(test, [{ player: 'ada', score: 1 }]);
      const [event] = await deliver(test, keysOf(), GROUP);
      await test.redis.set(keysOf().skipped(GROUP), 'x');
      await expect(event && bury(event, keysOf())).rejects.toThrow(WrongTypeError);
      expect(await pendingOf(test, keysOf(), GROUP)).toBe(1);
      expect(await letters.list(ALL)).toEqual({ deadLetters: [] });
    });
  });

  describe('in a list', () => {
    it('have the error and the event', async () => {
      await fail([7]);
      const { partition, stream } = keysOf();
      const [[event, entry] = []] = await test.redis.xrange(stream, '-', '+');
      const eventId = `s${partition}-${event}`;
      expect(await letters.list(ALL)).toEqual({
        deadLetters: [
          {
            id: expect.stringMatching(new RegExp(`^${GROUP}\\.s${partition}-\\d+-\\d+$`)),
            ...{ group: GROUP, eventId, stream: 'scores', partition },
            ...{
              code: 'TypeError',
              error: 'no',
              stack: expect.stringMatching(/^TypeError: no\n/),
              deliveries: 5,
            },
            at: expect.stringMatching(/^\d{4}-.*Z$/),
            event: expect.objectContaining({
              eventId,
              type: 'ScoreSubmitted',
              actor: SERVER,
              data: { board: 'board', player: 'ada', score: 7 },
            }),
            entry,
          },
        ],
      });
    });

    it('have no event when the stream entry cannot be decoded', async () => {
      await test.redis.xadd(keysOf().stream, '1-1', 'temperature', '20');
      await test.redis.xgroup('CREATE', keysOf().stream, GROUP, '0');
      await test.redis.xreadgroup('GROUP', GROUP, 'test', 'STREAMS', keysOf().stream, '>');
      const failed = { id: '1-1', fields: ['temperature', '20'], error: new Error('no'), deliveries: 1 };
      await moveToDeadLetters(test.redis, keysOf(), GROUP, failed);
      expect((await letters.list(ALL)).deadLetters).toMatchObject([
        { event: null, entry: ['temperature', '20'], deliveries: 1 },
      ]);
    });

    it('come from all partitions and groups, newest first', async () => {
      expect(keysOf('weekly').partition).not.toBe(keysOf('board').partition);
      await fail([1]);
      await fail([2], { board: 'weekly' });
      await fail([3]);
      await fail([4], { board: 'weekly', group: 'scores' });
      expect(scoresOf(await letters.list(ALL)).sort()).toEqual([1, 2, 2, 3, 4]);
      const times = (await letters.list(ALL)).deadLetters.map(({ at }) => at);
      expect(times).toEqual([...times].sort().reverse());
      expect(scoresOf(await letters.list({ ...ALL, group: GROUP })).sort()).toEqual([1, 2, 3]);
      expect(await letters.list({ ...ALL, group: 'saves' })).toEqual({ deadLetters: [] });
    });

    it('are listed completely over several pages while others are added and removed', async () => {
      await fail([1, 2, 3, 4, 5, 6, 7]);
      await fail([8, 9], { board: 'weekly' });
      const seen: unknown[] = [];
      let cursor: string | undefined;
      do {
        const page = await letters.list({ limit: 2, ...(cursor !== undefined && { cursor }) });
        seen.push(...scoresOf(page));
        cursor = page.next;
        await letters.retry(page.deadLetters.at(-1)?.id ?? '');
        await fail([100]);
      } while (cursor !== undefined);
      expect(seen.map(Number).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('are refused for an unknown group, and the error names the known groups', async () => {
      await expect(letters.list({ ...ALL, group: 'rankings' })).rejects.toThrow(UnknownGroupError);
      await expect(letters.list({ ...ALL, group: 'rankings' })).rejects.toThrow('ranking, scores, saves');
    });

    it('are refused for an invalid cursor', async () => {
      await expect(letters.list({ ...ALL, cursor: 'x' })).rejects.toThrow(InvalidCursorError);
    });
  });

  describe('when retried', () => {
    it('are pending again as if never delivered, and marked as retried until they take effect', async () => {
      const [event] = await fail([1]);
      const id = await only();
      const entry = formatEventId(event?.id ?? { ms: 0, seq: 0 });
      expect(await letters.retry(id)).toEqual({ id, eventId: `s${keysOf().partition}-${entry}` });
      expect(await skipped()).toEqual({ [entry]: 'retried' });
      // A new revision: workers that cache the skipped events read them again.
      expect(await test.redis.hgetall(keysOf().live(GROUP))).toEqual({ revision: '1', acknowledged: '0' });
      expect(await letters.list(ALL)).toEqual({ deadLetters: [] });
      const pending = await test.redis.xpending(keysOf().stream, GROUP, '-', '+', 10);
      const [[, owner, idle, deliveries] = []] = pending as [string, string, number, number][];
      expect({ owner, deliveries }).toEqual({ owner: 'retry', deliveries: 0 });
      // Longer than any configurable claim delay.
      expect(idle).toBeGreaterThan(1_000_000_000_000);
    });

    it('can be retried once: the second time there is no such dead letter', async () => {
      await fail([1]);
      const id = await only();
      await letters.retry(id);
      await expect(letters.retry(id)).rejects.toThrow(DeadLetterNotFoundError);
      expect(await pendingOf(test, keysOf(), GROUP)).toBe(1);
    });

    it('are unchanged when the event was deleted from the log', async () => {
      const [event] = await fail([1]);
      const id = await only();
      const before = await skipped();
      await test.redis.xdel(keysOf().stream, formatEventId(event?.id ?? { ms: 0, seq: 0 }));
      await expect(letters.retry(id)).rejects.toThrow(EventGoneError);
      expect(await only()).toBe(id);
      expect(await skipped()).toEqual(before);
      expect(await pendingOf(test, keysOf(), GROUP)).toBe(0);
      // It can only be dropped.
      await letters.drop(id);
    });

    it('are unchanged when only the archive has the event', async () => {
      const [event] = await fail([1]);
      const id = await only();
      const before = await skipped();
      const eventId = formatEventId(event?.id ?? { ms: 0, seq: 0 });
      await test.redis.hset(keysOf().archive(), { floor: eventId, trimmed: 1, manifest: 'm' });
      await test.redis.xtrim(keysOf().stream, 'MAXLEN', 0);
      await expect(letters.retry(id)).rejects.toThrow(/only in the archive/);
      expect(await only()).toBe(id);
      expect(await skipped()).toEqual(before);
      expect(await pendingOf(test, keysOf(), GROUP)).toBe(0);
    });

    it('are unchanged when the group was deleted', async () => {
      await fail([1]);
      const before = await skipped();
      await test.redis.xgroup('DESTROY', keysOf().stream, GROUP);
      await expect(letters.retry(await only())).rejects.toThrow(/NOGROUP/);
      await only();
      expect(await test.redis.hgetall(keysOf().live(GROUP))).toEqual({ acknowledged: '1' });
      expect(await skipped()).toEqual(before);
    });

    it('are delivered to a worker at once, fail up to the limit, and finally take effect once', async () => {
      const calls = { good: 0, bad: 0 };
      let broken = true;
      const server = new StreamsServer(test.redis, test.topology, {
        ...{ group: GROUP, consumer: 'worker', batchSize: 100, maxDeliveries: 2, claimIdleMs: 400 },
      });
      server.addHandler(
        'scores',
        async (events: readonly RecordedEvent<'ScoreSubmitted'>[]) => {
          if (broken && events.some(({ data }) => data.score === 13)) {
            if (events.length === 1) calls.bad += 1;
            throw new Error('unlucky');
          }
          calls.good += events.filter(({ data }) => data.score === 13).length;
          return undefined;
        },
        true,
      );
      server.listen(error => expect(error).toBeUndefined());
      try {
        const progress = new AppliedWaiter(test.redis, test.topology, { scores: [GROUP], players: [] });
        const data = { board: 'board', player: 'ada', score: 13 };
        const { ref } = await test.log.append({ type: 'ScoreSubmitted', data, actor: SERVER });
        await eventually(only);
        expect(calls).toEqual({ good: 0, bad: 2 });
        const id = await only();
        await letters.retry(id);
        expect(await progress.whenApplied(ref, 10)).toBe(false);
        // It still fails, so it becomes a dead letter again, with another id.
        await eventually(async () => expect(await only()).not.toBe(id));
        expect(calls).toEqual({ good: 0, bad: 4 });
        broken = false;
        await letters.retry(await only());
        expect(await progress.whenApplied(ref, 5_000)).toBe(true);
        expect(await letters.list(ALL)).toEqual({ deadLetters: [] });
        expect(calls).toEqual({ good: 1, bad: 4 });
        expect(await skipped()).toEqual({});
        // The placeholder consumer is removed.
        await removeAbsentConsumers(test.redis, keysOf(), GROUP, 0);
        expect(JSON.stringify(await test.redis.xinfo('CONSUMERS', keysOf().stream, GROUP))).not.toContain(
          'retry',
        );
      } finally {
        await server.close();
      }
    });
  });

  describe('when dropped', () => {
    it('are removed; their events stay in the log and are skipped forever', async () => {
      const [event] = await fail([1]);
      const id = await only();
      const entry = formatEventId(event?.id ?? { ms: 0, seq: 0 });
      expect(await letters.drop(id)).toEqual({ id, eventId: `s${keysOf().partition}-${entry}` });
      expect(await skipped()).toEqual({ [entry]: 'dropped' });
      expect(await letters.list(ALL)).toEqual({ deadLetters: [] });
      expect(await pendingOf(test, keysOf(), GROUP)).toBe(0);
      expect(await test.redis.xlen(keysOf().stream)).toBe(1);
    });

    it('can be dropped once and then no longer be retried', async () => {
      await fail([1]);
      const id = await only();
      await letters.drop(id);
      await expect(letters.drop(id)).rejects.toThrow(DeadLetterNotFoundError);
      await expect(letters.retry(id)).rejects.toThrow(DeadLetterNotFoundError);
      expect(Object.values(await skipped())).toEqual(['dropped']);
    });
  });

  it.each([
    ['group', 'rankings.s0-1-0'],
    ['group of that stream', 'saves.s0-1-0'],
    ['partition', `${GROUP}.s7-1-0`],
    ['dead letter', `${GROUP}.s0-1-0`],
  ])('are not found where there is no such %s', async (_, id) => {
    await expect(letters.retry(id)).rejects.toThrow(DeadLetterNotFoundError);
    await expect(letters.drop(id)).rejects.toThrow(DeadLetterNotFoundError);
  });

  it('are not found by an invalid id', async () => {
    await expect(letters.retry('x')).rejects.toThrow(InvalidDeadLetterIdError);
    await expect(letters.drop('x')).rejects.toThrow(InvalidDeadLetterIdError);
  });
});
