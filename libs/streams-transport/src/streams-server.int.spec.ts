import { jest } from '@jest/globals';
import { EMPTY, Subject } from 'rxjs';
import { deadLettersKey, PartitionHarmedError, type Settlement } from '#libs/event-log';
import { formatEventId } from '#libs/events';
import { eventually } from '#libs/testing';
import { GROUP, type Handler, type ScoreEvent, scoresOf, useStreamsServers } from './test-streams-servers.js';

const idsOf = (events: readonly ScoreEvent[]) => events.map(event => formatEventId(event.id));
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

// Longer than the deadline of `eventually`, so that a failure shows what was expected.
jest.setTimeout(15_000);

describe('the streams server', () => {
  const current = useStreamsServers();
  const { keys, stream, submit, start, pendingIds, untilPending, deadLetters, readers } = current;

  describe('delivers', () => {
    it('events that were appended before the group existed: in order, in batches, each event once', async () => {
      const boards = ['board', 'weekly'];
      expect(new Set(boards.map(board => keys(board).partition)).size).toBe(2);
      for (const board of boards) await submit(numbers(25), board);
      const batches = new Map<number, number[][]>();
      start(
        (events, { keys: { partition } }) => {
          batches.set(partition, [...(batches.get(partition) ?? []), scoresOf(events)]);
        },
        { batchSize: 10 },
      );
      const inBatches = [numbers(25).slice(0, 10), numbers(25).slice(10, 20), numbers(25).slice(20)];
      await eventually(() => expect([...batches.values()]).toEqual([inBatches, inBatches]));
    });

    it('deferred events again within 100 milliseconds or so, without spinning', async () => {
      const calls: number[] = [];
      await submit([1, 2]);
      start(async (events): Promise<Settlement> => {
        calls.push(performance.now());
        const due = performance.now() - (calls[0] ?? 0) > 1_000;
        if (due) await current.test.redis.xack(stream(), GROUP, ...idsOf(events));
        return { applied: 0, duplicates: 0, deferred: due ? [] : events.map(event => event.id) };
      });
      await untilPending(2);
      await untilPending(0);
      const gaps = calls.slice(1).map((time, i) => time - (calls[i] ?? 0));
      // Nine of ten, because a busy machine pauses for longer now and then.
      expect(gaps.toSorted((a, b) => a - b)[Math.floor(0.9 * gaps.length)]).toBeLessThan(150);
      // A second's worth.
      expect(calls.length).toBeLessThan(60);
    });

    it('deferred events before newer ones, in order', async () => {
      const batches: number[][] = [];
      await submit([1, 2]);
      start(async (events): Promise<Settlement> => {
        batches.push(scoresOf(events));
        const due = events.length > 2;
        if (due) await current.test.redis.xack(stream(), GROUP, ...idsOf(events));
        return { applied: 0, duplicates: 0, deferred: due ? [] : events.map(event => event.id) };
      });
      await eventually(() => expect(batches.length).toBeGreaterThan(1));
      await submit([3]);
      await untilPending(0);
      expect(batches.at(-1)).toEqual([1, 2, 3]);
    });

    it('deferred events, and does not interrupt a blocking read after they are settled', async () => {
      const batches: number[][] = [];
      const wakes = jest.spyOn(current.test.redis, 'client');
      await submit([1]);
      start(async (events): Promise<Settlement> => {
        batches.push(scoresOf(events));
        const due = batches.length > 1;
        // A deferred event can often be applied after the very next event.
        if (due) await current.test.redis.xack(stream(), GROUP, ...idsOf(events));
        else void submit([2]);
        return { applied: 0, duplicates: 0, deferred: due ? [] : events.map(event => event.id) };
      });
      await eventually(() => expect(batches.flat()).toEqual([1, 1, 2]));
      await untilPending(0);
      wakes.mockClear();
      // Nothing is left to wait for: no reader sends anything, for more than one second.
      await eventually(async () => {
        const idle = (await readers()).map(reader => reader.idle);
        expect(Math.min(...idle)).toBeGreaterThanOrEqual(2);
      });
      expect(wakes.mock.calls.filter(([command]) => String(command) === 'UNBLOCK')).toEqual([]);
    });

    it('the pending events of a dead consumer, after they have been idle for long enough', async () => {
      await submit([1, 2, 3]);
      await current.test.redis.xgroup('CREATE', stream(), GROUP, '0');
      await current.test.redis.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 2, 'STREAMS', stream(), '>');
      const dead = performance.now();
      const times = new Map<number, number>();
      start(
        events => {
          for (const score of scoresOf(events)) times.set(score, performance.now() - dead);
        },
        // Odd, so that half of it is not a whole number of milliseconds, which Redis would reject.
        { claimIdleMs: 201 },
      );
      await untilPending(0, 2_000);
      expect([...times.keys()].sort()).toEqual([1, 2, 3]);
      expect(Math.min(times.get(1) ?? 0, times.get(2) ?? 0)).toBeGreaterThan(190);
    });

    it('the pending events of an earlier run of this consumer, at once', async () => {
      await submit([1, 2, 3]);
      await current.test.redis.xgroup('CREATE', stream(), GROUP, '0');
      await current.test.redis.xreadgroup(
        'GROUP',
        GROUP,
        current.test.prefix,
        'COUNT',
        2,
        'STREAMS',
        stream(),
        '>',
      );
      const seen: number[] = [];
      start(events => void seen.push(...scoresOf(events)));
      await eventually(() => expect(seen).toEqual([1, 2, 3]));
    });
  });

  describe('acknowledges', () => {
    it('nothing before the Observable of a handler completes', async () => {
      const result$ = new Subject<undefined>();
      await submit([1, 2, 3]);
      start(() => result$);
      await eventually(() => expect(result$.observed).toBe(true));
      result$.next(undefined);
      // The server shares this connection, so anything it sent on the emission is answered first.
      for (const _ of numbers(5)) await current.test.redis.ping();
      expect(await pendingIds()).toHaveLength(3);
      result$.complete();
      await untilPending(0);
    });

    it.each([
      ['undefined', undefined],
      ['a Promise of undefined', Promise.resolve()],
      ['an Observable that is empty', EMPTY],
    ])('the batch when the handler returns %s', async (_, result) => {
      const seen: number[] = [];
      await submit([1, 2, 3]);
      start(events => {
        seen.push(...scoresOf(events));
        return result;
      });
      await eventually(() => expect(seen).toEqual([1, 2, 3]));
      await untilPending(0);
    });

    it('nothing itself when the handler returns a Settlement', async () => {
      const seen: string[] = [];
      await submit([1, 2, 3]);
      start(
        async (events): Promise<Settlement> => {
          const [first = ''] = idsOf(events);
          if (seen.length === 0) await current.test.redis.xack(stream(), GROUP, first);
          seen.push(...idsOf(events));
          return { applied: 1, duplicates: 0, deferred: [] };
        },
        { batchSize: 2 },
      );
      // Batches are settled one after the other: when the second one arrives, the first is settled.
      await eventually(() => expect(seen).toHaveLength(3));
      expect(await pendingIds()).toEqual(seen.slice(1));
    });

    it('a batch eventually when its first acknowledgement did not reach Redis', async () => {
      const batches: number[][] = [];
      await submit([1, 2]);
      jest.spyOn(current.test.redis, 'xack').mockRejectedValueOnce(new Error('Connection is closed.'));
      start(events => void batches.push(scoresOf(events)));
      await eventually(() => expect(batches).toEqual([numbers(2), numbers(2)]), 2_000);
      await untilPending(0);
    });
  });

  describe('gives up', () => {
    it('only the poison event of a batch, after the maximum number of deliveries', async () => {
      const applied: number[] = [];
      const alone: number[] = [];
      await submit(numbers(30));
      start(
        events => {
          const scores = scoresOf(events);
          if (scores.length === 1 && scores[0] === 7) alone.push(7);
          if (scores.includes(7)) throw new Error('seven');
          applied.push(...scores);
        },
        { maxDeliveries: 2, claimIdleMs: 200 },
      );
      await untilPending(1);
      const [id] = await pendingIds();
      expect(applied).toEqual(numbers(30).filter(score => score !== 7));
      expect(await deadLetters()).toEqual([]);
      await untilPending(0, 10_000);
      expect(alone).toHaveLength(2);
      expect(applied).toHaveLength(29);
      const stack = expect.stringMatching(/^Error: seven\n +at /);
      const cause = { code: 'Error', error: 'seven', stack, deliveries: '2' };
      const source = { id, stream: 'scores', partition: String(keys().partition), group: GROUP };
      const [[, fields] = []] = await current.test.redis.xrange(stream(), String(id), String(id));
      expect(await deadLetters()).toEqual([{ ...source, ...cause, entry: JSON.stringify(fields) }]);
    });

    it.each([
      ['a text', 'boom'],
      ['null', null],
    ])('an event for which a handler throws %s', async (_, thrown) => {
      await submit([1]);
      start(() => Promise.reject(thrown), { maxDeliveries: 1 });
      await eventually(async () => {
        expect(await deadLetters()).toEqual([expect.objectContaining({ error: String(thrown) })]);
      }, 2_000);
    });

    it('no event of a harmed partition: its events wait until it is repaired', async () => {
      await submit([1, 2, 3]);
      const seen: number[][] = [];
      let isHarmed = true;
      const handler: Handler = events => {
        seen.push(scoresOf(events));
        if (isHarmed) throw new PartitionHarmedError('a key', 'it was harmed');
      };
      const server = start(handler, { maxDeliveries: 1, claimIdleMs: 100 });
      const isReading = () => {
        try {
          server.assertReading();
          return 'reading';
        } catch (error) {
          return (error as Error).message;
        }
      };
      const harmed = /1 of \d partitions are not being read.*it was harmed/;
      await eventually(() => expect(isReading()).toMatch(harmed));
      const looks: string[] = [];
      await eventually(() => {
        looks.push(isReading());
        expect(seen.length).toBeGreaterThan(4);
      });
      // The whole batch is retried again and again; the reason is reported, and it is never reported as recovered.
      expect(seen.every(scores => scores.length === 3)).toBe(true);
      for (const look of looks) expect(look).toMatch(harmed);
      isHarmed = false;
      await eventually(async () =>
        expect(await current.test.redis.xpending(stream(), GROUP)).toMatchObject({ 0: 0 }),
      );
      await eventually(() => expect(isReading()).toBe('reading'));
      expect(await current.test.redis.exists(deadLettersKey(keys(), GROUP))).toBe(0);
    });

    it('a stream entry that cannot be decoded at once, and continues with the others', async () => {
      const seen: number[] = [];
      await submit([1]);
      const garbage = await current.test.redis.xadd(stream(), '*', 'temperature', '20');
      const unknown = await current.test.redis.xadd(stream(), '*', 'e', '["zz9","s:k"]');
      await submit([2]);
      start(events => void seen.push(...scoresOf(events)));
      await eventually(() => expect(seen).toEqual([1, 2]));
      await untilPending(0);
      expect(await deadLetters()).toMatchObject([
        { id: garbage, code: 'MALFORMED_EVENT', deliveries: '1', entry: '["temperature","20"]' },
        { id: unknown, code: 'UNKNOWN_EVENT_TYPE', error: expect.stringContaining('zz9') },
      ]);
    });
  });
});
